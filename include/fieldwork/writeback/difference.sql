-- Which wanted rows differ from what the last receipt says is in the CRM.
-- Grain: one row per record to send, into pg_temp.difference. Inputs: pg_temp.wanted, ops.receipt, ops.outbox.
-- Keys: system, kind, key. A payload that the CRM refused is not sent again until it changes. A record with a change
-- still pending is sent whatever the receipt says: the call may have gone out before the process died.
with hashed as (
    select key, payload, encode(sha256(convert_to(payload::text, 'UTF8')), 'hex') as payload_hash
    from pg_temp.wanted
)

insert into pg_temp.difference (key, payload, payload_hash)
select hashed.key, hashed.payload, hashed.payload_hash
from hashed
left join ops.receipt as receipt
    on receipt.system = :system and receipt.kind = :kind and receipt.key = hashed.key
left join ops.outbox as pending
    on pending.system = :system and pending.kind = :kind and pending.key = hashed.key and pending.state = 'pending'
where
    pending.key is not null
    or (
        hashed.payload_hash is distinct from receipt.payload_hash
        and hashed.payload_hash is distinct from receipt.refused_hash
    )
