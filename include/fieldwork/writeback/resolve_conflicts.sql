-- Conflicts that are over: theirs equals ours, they put back what we sent, the field is ours, the record is back.
-- Grain: one row of ops.conflict. Inputs: pg_temp.judged, ops.outbox, ops.conflict. Parameter: ours.
with over as (
    select
        o.system,
        o.kind,
        o.key,
        judged.name as field,
        case
            when judged.verdict = 'same' then 'equal'
            when judged.live = judged.base then 'reverted'
            when judged.name = any(cast(:ours as text[])) then 'declared'
            else 'ours'
        end as resolution
    from pg_temp.judged
    inner join ops.outbox as o on judged.outbox_id = o.outbox_id
    where o.operation = 'upsert' and judged.existed and judged.verdict in ('same', 'send')
    union all
    select
        o.system,
        o.kind,
        o.key,
        '*',
        case when bool_or(judged.existed) then 'back' else 'ours' end
    from pg_temp.judged
    inner join ops.outbox as o on judged.outbox_id = o.outbox_id
    where o.operation = 'upsert'
    group by o.system, o.kind, o.key
    having bool_and(judged.verdict <> 'gone')
)

update ops.conflict
set state = 'resolved', resolution = over.resolution, settled_at = clock_timestamp()
from over
where
    conflict.system = over.system
    and conflict.kind = over.kind
    and conflict.key = over.key
    and conflict.field = over.field
    and conflict.state <> 'resolved'
