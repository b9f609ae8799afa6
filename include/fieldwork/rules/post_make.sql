-- Keep what was said. Grain: (employee_id, valid_from). Inputs: post_said.
insert into ref.post (
    employee_id, valid_from, valid_to, team, manager_user_id, manager_employee_id, rule, noted_at
)
select employee_id, valid_from, valid_to, team, manager_user_id, manager_employee_id, 'manual', now()
from post_said
