-- Days between which punches have moved because another roster holds. Grain: (employee_id, work_date). Inputs:
-- placed_before, placed_after (employee_id, record_id, working_day).
insert into touch (employee_id, work_date)
select b.employee_id, moved.work_date
from placed_before as b
join placed_after as a on b.employee_id = a.employee_id and b.record_id = a.record_id
cross join lateral (values (b.working_day), (a.working_day)) as moved (work_date)
where b.working_day is distinct from a.working_day and moved.work_date is not null
