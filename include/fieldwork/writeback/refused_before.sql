-- How many wanted rows the CRM refused last time, with the same content, and so are not in the difference.
-- Grain: one number. Inputs: pg_temp.wanted, pg_temp.difference, ops.receipt. Keys: system, kind, key.
select count(*)
from pg_temp.wanted
inner join ops.receipt as receipt
    on
        receipt.system = :system
        and receipt.kind = :kind
        and receipt.key = wanted.key
        and receipt.refused_hash = encode(sha256(convert_to(wanted.payload::text, 'UTF8')), 'hex')
where not exists (select 1 from pg_temp.difference where difference.key = wanted.key)
