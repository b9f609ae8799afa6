-- Rule name: the same name, letter by letter. Off by default: names repeat.
-- Grain: (system, external_id, employee_id). Inputs: outside, person.
select o.system, o.external_id, p.employee_id
from outside as o
join person as p on o.name = p.name
