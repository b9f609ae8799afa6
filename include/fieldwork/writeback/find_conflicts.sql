-- What people edited since our last write, and records that the CRM has no more, are listed; what was decided before
-- stands as long as their value stays what it was.
-- Grain and key: (system, kind, key, field) of unresolved conflicts. Inputs: pg_temp.judged, ops.outbox, ops.conflict.
insert into ops.conflict as conflict (
    system, kind, key, field, reason, sent, theirs, wanted, state, write_batch_id, found_at, seen_at
)
select
    o.system,
    o.kind,
    o.key,
    judged.name,
    case when judged.verdict = 'gone' then 'gone' else 'edited' end,
    judged.base,
    judged.live,
    case when judged.name <> '*' then judged.want end,
    'open',
    o.write_batch_id,
    clock_timestamp(),
    clock_timestamp()
from pg_temp.judged
inner join ops.outbox as o on judged.outbox_id = o.outbox_id
where judged.verdict in ('kept', 'gone')
order by o.outbox_id, judged.name
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
