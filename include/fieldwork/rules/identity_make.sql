-- The links that the statements make; one without a rule only ends what was there.
-- Grain: (system, external_id, valid_from). Inputs: statement.
insert into ref.identity (system, external_id, valid_from, valid_to, employee_id, rule, linked_at)
select system, external_id, valid_from, valid_to, employee_id, rule, now()
from statement
where rule is not null
