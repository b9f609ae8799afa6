-- A few records of the difference with the names of the fields that would change: for rehearsals, no values.
-- Grain: one row per record, at most :limit. Inputs: pg_temp.difference, ops.receipt. Keys: system, kind, key.
select
    difference.key,
    array(
        select field.name
        from jsonb_each(difference.payload) as field (name, value)
        where field.value is distinct from coalesce(receipt.payload, '{}'::jsonb) -> field.name
        order by field.name
    ) as fields
from pg_temp.difference
left join ops.receipt as receipt
    on receipt.system = :system and receipt.kind = :kind and receipt.key = difference.key
order by difference.key
limit :limit
