-- How many ids waited for a person's decision when the run had loaded; no row = none. Grain: one row. Inputs: ops.step,
-- :run_id.
select (result ->> 'to_review')::integer as ids
from ops.step
where run_id = :run_id and step = 'load' and result ? 'to_review'
