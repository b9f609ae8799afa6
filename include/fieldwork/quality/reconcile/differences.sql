-- The records that make the difference, looked for on the days that differ alone.
-- Grain: (kind, key) in difference. Inputs: day_total (temporary table, see totals.sql), theirs, ours (temporary views),
--         aside, unknown_person (temporary tables); :mark (what was stamped later came after we read).
create temporary table difference on commit drop as
with differing as materialized (
    select day_key from day_total where differs
),

their_record as materialized (
    select distinct on (t.key)
        t.key,
        t.day,
        t.measure,
        t.modified_at
    from theirs as t
    where
        coalesce(t.day, 'infinity') in (select d.day_key from differing as d)
        and not exists (select from aside as a where a.key = t.key)
    order by t.key asc, t.modified_at desc nulls last
),

our_record as materialized (
    select o.key, o.day
    from ours as o
    where
        o.live
        and coalesce(o.day, 'infinity') in (select d.day_key from differing as d)
        and not exists (select from aside as a where a.key = o.key)
        and not exists (select from unknown_person as u where u.person = o.person)
)

select
    case when o.key is null then 'missing' else 'stale' end as kind,
    t.key,
    t.day,
    t.modified_at,
    coalesce(t.modified_at > cast(:mark as timestamptz), false) as later
from their_record as t
left join ours as o on t.key = o.key
where o.key is null or not o.live or (o.day, o.measure) is distinct from (t.day, t.measure)
union all
select
    'gone',
    o.key,
    o.day,
    null,
    false
from our_record as o
where not exists (select from theirs as t where t.key = o.key)
