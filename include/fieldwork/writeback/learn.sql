-- Fields that stand in the CRM as we want them, without a call of ours: the receipt says so from now on.
-- Grain: one row of ops.receipt. Inputs: pg_temp.judged, pg_temp.live, ops.outbox, ops.receipt.
with same as (
    select
        outbox_id,
        jsonb_object_agg(name, want) as payload
    from pg_temp.judged
    where verdict = 'same'
    group by outbox_id
)

insert into ops.receipt as receipt (system, kind, key, ok, crm_id, payload, outbox_id, answered_at)
select
    o.system,
    o.kind,
    o.key,
    true,
    live.crm_id,
    same.payload,
    o.outbox_id,
    clock_timestamp()
from same
inner join ops.outbox as o on same.outbox_id = o.outbox_id
inner join pg_temp.live as live on o.key = live.key
where o.operation = 'upsert'
on conflict (system, kind, key) do update set
    crm_id = coalesce(excluded.crm_id, receipt.crm_id),
    payload = coalesce(receipt.payload, '{}'::jsonb) || excluded.payload,
    outbox_id = excluded.outbox_id
where receipt.payload is null or not receipt.payload @> excluded.payload
