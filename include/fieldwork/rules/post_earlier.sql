-- Earlier employments that this read lists beside the present one: another account of the same person, or an id that had
-- passed on.
-- Grain: (employee_id, valid_from). Inputs: incoming, :beginning. Lives until the batch is settled.
create temporary table post_earlier on commit drop as
select distinct on (e.employee_id, coalesce(e.hired_on, cast(:beginning as date)))
    e.employee_id,
    e.team,
    e.manager_user_id,
    coalesce(e.hired_on, cast(:beginning as date)) as valid_from,
    e.left_on + 1 as valid_to
from incoming as e
join incoming as n on e.employee_id = n.employee_id and n.place_in_line = 1
where e.place_in_line > 1 and e.left_on < n.hired_on
order by e.employee_id asc, coalesce(e.hired_on, cast(:beginning as date)) asc, e.left_on desc
