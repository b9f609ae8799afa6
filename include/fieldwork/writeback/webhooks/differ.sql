-- Which published records differ from the last event about them, into pg_temp.webhook_difference.
-- Grain: one row per record. Inputs: pg_temp.webhook_wanted, ops.webhook_event. Keys: endpoint, kind, key.
-- The last event counts whatever became of it: one that waits will arrive, a dead letter is replayed or not.
with hashed as (
    select
        key,
        employee_id,
        day,
        payload,
        occurred_at,
        encode(sha256(convert_to(payload::text, 'UTF8')), 'hex') as payload_hash
    from pg_temp.webhook_wanted
)

insert into pg_temp.webhook_difference (key, employee_id, day, payload, occurred_at, payload_hash, changed)
select
    hashed.key,
    hashed.employee_id,
    hashed.day,
    hashed.payload,
    hashed.occurred_at,
    hashed.payload_hash,
    case
        when last.payload is not null
            then (
                select coalesce(jsonb_agg(field.name order by field.name), '[]'::jsonb)
                from jsonb_each(hashed.payload) as field (name, value)
                where field.value is distinct from last.payload -> field.name
            )
    end
from hashed
left join lateral (
    select
        event.payload,
        event.payload_hash
    from ops.webhook_event as event
    where event.endpoint = :endpoint and event.kind = :kind and event.key = hashed.key
    order by event.event_id desc
    limit 1
) as last on true
where hashed.payload_hash is distinct from last.payload_hash
