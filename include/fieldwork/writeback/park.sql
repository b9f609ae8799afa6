-- What an undo took back is not sent again until its value changes: the receipt keeps the undone values. The undo of
-- an undo lets them go again.
-- Grain: one row of ops.receipt. Inputs: ops.outbox (outbox_ids), ops.write_batch, ops.receipt. Parameter: outbox_ids.
with undone as (
    select
        o.system,
        o.kind,
        o.key,
        case when taken.operation = 'delete' then taken.before else taken.changes end - 'write_key' as payload,
        batch.purpose = 'undo' as lifts
    from ops.outbox as o
    inner join ops.outbox as taken on o.undoes = taken.outbox_id
    inner join ops.write_batch as batch on taken.write_batch_id = batch.write_batch_id
    where o.outbox_id = any(cast(:outbox_ids as bigint[])) and o.state in ('sent', 'same')
),

named as (
    select
        undone.*,
        array(select jsonb_object_keys(undone.payload)) as names
    from undone
)

update ops.receipt
set parked = case
    when named.lifts then nullif(receipt.parked - named.names, '{}'::jsonb)
    else coalesce(receipt.parked, '{}'::jsonb) || named.payload
end
from named
where receipt.system = named.system and receipt.kind = named.kind and receipt.key = named.key
