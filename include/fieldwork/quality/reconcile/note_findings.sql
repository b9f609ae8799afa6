-- Findings of one stream: new ones are opened, known ones are seen again, those that are no longer found are settled.
-- Grain: one line of ops.reconcile_finding per (system, stream, kind, key) that is open. Inputs: difference, asked_day,
--         unanswered (temporary: person); :run_id, :system, :stream, :settled. Returns: kind and how many are open.
with found as (
    select kind, key, day, modified_at from difference where not later
    union all
    select 'unanswered', person, null, null from unanswered
),

noted as (
    insert into ops.reconcile_finding as known (
        run_id, system, stream, kind, key, day, modified_at, status, found_at, seen_at
    )
    select :run_id, :system, :stream, kind, key, day, modified_at, 'open', clock_timestamp(), clock_timestamp()
    from found
    order by kind, key
    on conflict (system, stream, kind, key) where status = 'open' do update set
        seen = known.seen + 1,
        seen_at = excluded.seen_at,
        day = excluded.day,
        modified_at = excluded.modified_at
),

settled as (
    update ops.reconcile_finding as f
    set status = :settled, settled_at = clock_timestamp(), settled_by = :run_id
    where
        f.status = 'open' and f.system = :system and f.stream = :stream
        and (f.day is null or f.day in (select a.day from asked_day as a))
        and not exists (select from found where found.kind = f.kind and found.key = f.key)
)

select kind, count(*) as findings
from found
group by kind
order by kind
