-- The dated roster becomes what the file says: lines that are gone or changed are taken out, new ones put in.
-- Grain: (employee_id, work_date). Inputs: roster_line (the file), ref.roster_day.
delete from ref.roster_day as there
where not exists (
    select from roster_line as line
    where (line.employee_id, line.work_date, line.shift) = (there.employee_id, there.work_date, there.shift)
);

insert into ref.roster_day (employee_id, work_date, shift)
select line.employee_id, line.work_date, line.shift
from roster_line as line
left join ref.roster_day as there on line.employee_id = there.employee_id and line.work_date = there.work_date
where there.employee_id is null
