-- Conflicts that are over: theirs equals ours, they put back what we sent, the field is ours, the record is back.
-- Grain: one row of ops.conflict. Inputs: ops.conflict, ops.outbox (outbox_ids), pg_temp.judged, pg_temp.live.
-- Parameters: outbox_ids, ours. A record that was only looked at to be deleted says nothing.
with looked as (
    select
        conflict.conflict_id,
        conflict.field,
        judged.verdict,
        judged.live,
        judged.base,
        live.key is not null as there,
        whole.verdict as whole
    from ops.outbox as o
    inner join ops.conflict on o.system = conflict.system and o.kind = conflict.kind and o.key = conflict.key
    left join pg_temp.judged as judged on o.outbox_id = judged.outbox_id and conflict.field = judged.name
    left join pg_temp.judged as whole on o.outbox_id = whole.outbox_id and whole.name = '*'
    left join pg_temp.live as live on o.key = live.key
    where
        o.outbox_id = any(cast(:outbox_ids as bigint[]))
        and o.operation = 'upsert'
        and conflict.state <> 'resolved'
),

judged as (
    select
        conflict_id,
        case
            when field = '*' then case when there then 'back' when whole = 'make' then 'ours' end
            when whole = 'gone' or verdict = 'kept' then null
            when whole = 'make' then 'ours'
            when verdict is null or verdict = 'same' then 'equal'
            when live = base then 'reverted'
            when field = any(cast(:ours as text[])) then 'declared'
            else 'ours'
        end as resolution
    from looked
)

update ops.conflict
set state = 'resolved', resolution = judged.resolution, settled_at = clock_timestamp()
from judged
where conflict.conflict_id = judged.conflict_id and judged.resolution is not null
