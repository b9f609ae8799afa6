-- Rule email: the same e-mail address, letter case ignored.
-- Grain: (system, external_id, employee_id). Inputs: outside, person.
select o.system, o.external_id, p.employee_id
from outside as o
join person as p on o.email = p.email
