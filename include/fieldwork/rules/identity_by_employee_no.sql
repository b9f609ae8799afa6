-- Rule employee_no: the CRM user has the person's employee number.
-- Grain: (system, external_id, employee_id). Inputs: outside, person.
select o.system, o.external_id, p.employee_id
from outside as o
join person as p on o.employee_no = p.employee_no
