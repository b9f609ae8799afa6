-- Rule mobile: the same mobile number, by its last 11 digits.
-- Grain: (system, external_id, employee_id). Inputs: outside, person.
select o.system, o.external_id, p.employee_id
from outside as o
join person as p on o.mobile = p.mobile
