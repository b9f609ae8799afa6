-- What people edited since our last write, and records that the CRM has no more, are listed; what was decided before
-- stands as long as their value stays what it was.
-- Grain and key: (system, kind, key, field) of unresolved conflicts. Inputs: pg_temp.judged, ops.outbox, ops.conflict.
-- A deletion that is held back is one conflict over the record.
with found as (
    select
        o.outbox_id,
        case when judged.verdict = 'gone' or o.operation = 'delete' then '*' else judged.name end as field,
        case when judged.verdict = 'gone' then 'gone' else 'edited' end as reason,
        case when judged.verdict = 'kept' and o.operation = 'upsert' then judged.base end as sent,
        case when judged.verdict = 'kept' and o.operation = 'upsert' then judged.live end as theirs,
        case when o.operation = 'upsert' then judged.want end as wanted
    from pg_temp.judged
    inner join ops.outbox as o on judged.outbox_id = o.outbox_id
    where judged.verdict in ('kept', 'gone')
)

insert into ops.conflict as conflict (
    system, kind, key, field, reason, sent, theirs, wanted, state, write_batch_id, found_at, seen_at
)
select distinct on (o.system, o.kind, o.key, found.field)
    o.system,
    o.kind,
    o.key,
    found.field,
    found.reason,
    found.sent,
    found.theirs,
    case when found.field <> '*' then found.wanted end,
    'open',
    o.write_batch_id,
    clock_timestamp(),
    clock_timestamp()
from found
inner join ops.outbox as o on found.outbox_id = o.outbox_id
order by o.system, o.kind, o.key, found.field
on conflict (system, kind, key, field) where (state <> 'resolved') do update set
    reason = excluded.reason,
    sent = excluded.sent,
    theirs = excluded.theirs,
    wanted = excluded.wanted,
    write_batch_id = excluded.write_batch_id,
    seen_at = excluded.seen_at,
    state = case
        when conflict.reason = excluded.reason and conflict.theirs is not distinct from excluded.theirs
            then conflict.state
        else 'open'
    end
