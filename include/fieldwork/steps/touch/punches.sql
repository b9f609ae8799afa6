-- Person-days of punches that are new or changed. Grain: (employee_id, work_date). Input: delta, both sides.
insert into touch (employee_id, work_date)
select employee_id, coalesce(work_date, (punched_at at time zone :zone)::date)
from delta
