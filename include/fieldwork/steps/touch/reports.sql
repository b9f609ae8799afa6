-- Who is managed by somebody whose id is another person's now. Grain: employee_id. Inputs: link_change, core.employee,
-- ref.post.
insert into reviewed (employee_id)
select e.employee_id
from core.employee as e
join link_change as c on e.system = c.system and e.manager_user_id = c.external_id
union
select p.employee_id
from ref.post as p
join core.employee as e on p.employee_id = e.employee_id
join link_change as c on e.system = c.system and p.manager_user_id = c.external_id
