-- How many of the wanted rows are held back: refused before with the same content, or undone.
-- Grain: one row. Inputs: pg_temp.wanted, pg_temp.difference, ops.receipt. Parameters: system, kind.
select
    count(*) filter (where receipt.refused_hash is not null) as refused_before,
    count(*) filter (where receipt.refused_hash is null and receipt.parked is not null) as parked
from ops.receipt as receipt
inner join pg_temp.wanted on receipt.key = wanted.key
where
    receipt.system = :system
    and receipt.kind = :kind
    and (not receipt.ok or receipt.parked is not null)
    and not coalesce(receipt.payload, '{}'::jsonb) @> wanted.payload
    and not exists (select from pg_temp.difference where difference.key = receipt.key)
