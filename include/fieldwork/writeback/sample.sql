-- A few records of the difference, corrections first, with each field that would change: what our last write left
-- there, and what would be sent.
-- Grain: one row per record, at most :limit. Inputs: pg_temp.difference, ops.receipt. Parameters: system, kind, limit.
select
    difference.key,
    (
        select jsonb_object_agg(field.name, jsonb_build_array(receipt.payload -> field.name, field.value))
        from jsonb_each(difference.payload) as field (name, value)
        where field.value is distinct from coalesce(receipt.payload, '{}'::jsonb) -> field.name
    ) as fields
from pg_temp.difference
left join ops.receipt as receipt
    on receipt.system = :system and receipt.kind = :kind and receipt.key = difference.key
order by difference.correction desc, difference.day desc, difference.key asc
limit :limit
