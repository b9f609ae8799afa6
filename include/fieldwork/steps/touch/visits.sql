-- Days of visits that are new, edited, moved or deleted: where they were and where they are.
-- Grain: (employee_id, work_date). Input: delta, both sides.
insert into touch (employee_id, work_date)
select employee_id, (planned_start at time zone :zone)::date
from delta
where planned_start is not null
