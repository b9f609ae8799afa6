-- What a person says of somebody's post, laid over what was known: the team or manager that is not said stays.
-- Grain: (employee_id, valid_from). Inputs: report.post, :employee_id, :since, :until (null: open), :team, :manager (null:
-- not said). Lives until the caller drops it.
create temporary table post_said on commit drop as
select
    p.employee_id,
    lower(daterange(p.valid_from, p.valid_to) * daterange(:since, :until)) as valid_from,
    upper(daterange(p.valid_from, p.valid_to) * daterange(:since, :until)) as valid_to,
    coalesce(cast(:team as text), p.team) as team,
    p.manager_user_id,
    coalesce(cast(:manager as text), p.manager_employee_id) as manager_employee_id
from report.post as p
where p.employee_id = :employee_id and daterange(p.valid_from, p.valid_to) && daterange(:since, :until)
