-- Which wanted rows differ from what the receipts say is in the CRM.
-- Grain and key: one row per record to send, key, into pg_temp.difference. Inputs: pg_temp.wanted, ops.receipt,
-- ops.conflict. Parameters: system, kind, fields (the mapping).
-- Not sent: what stands there already; what was refused with the same content by the same mapping; fields whose last
-- write was undone and whose value is still the undone one. A record with an undecided conflict is always looked at.
with judged as (
    select
        wanted.key,
        wanted.employee_id,
        wanted.day,
        case
            when receipt.parked is null then wanted.payload
            -- the undo took the whole record away: it comes back whole, or not at all
            when receipt.payload is null and not receipt.parked @> wanted.payload then wanted.payload
            else wanted.payload - array(
                select parked.name
                from jsonb_each(receipt.parked) as parked (name, value)
                where parked.value = wanted.payload -> parked.name
            )
        end as payload,
        receipt.payload as stands,
        case when receipt.refused_fields = cast(:fields as text) then receipt.refused_hash end as refused_hash,
        conflict.key is not null as undecided
    from pg_temp.wanted
    left join ops.receipt as receipt
        on receipt.system = :system and receipt.kind = :kind and receipt.key = wanted.key
    left join (
        select distinct key from ops.conflict where system = :system and kind = :kind and state in ('open', 'ours')
    ) as conflict on wanted.key = conflict.key
)

insert into pg_temp.difference (key, employee_id, day, payload, payload_hash, correction)
select
    key,
    employee_id,
    day,
    payload,
    encode(sha256(convert_to(payload::text, 'UTF8')), 'hex'),
    stands is not null
from judged
where
    payload <> '{}'::jsonb
    and (undecided or stands is null or not stands @> payload)
    and (refused_hash is null or refused_hash <> encode(sha256(convert_to(payload::text, 'UTF8')), 'hex'))
