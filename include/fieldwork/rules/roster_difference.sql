-- How the roster file differs from the dated roster: how many dates of how many people, from when to when.
-- Grain: one row. Inputs: roster_line (the file), ref.roster_day.
select
    count(*) as dates,
    count(distinct coalesce(line.employee_id, there.employee_id)) as people,
    min(coalesce(line.work_date, there.work_date)) as first_day,
    max(coalesce(line.work_date, there.work_date)) as last_day
from roster_line as line
full join ref.roster_day as there on line.employee_id = there.employee_id and line.work_date = there.work_date
where line.shift is distinct from there.shift
