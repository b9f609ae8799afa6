-- Person-days that a changed employment span takes away. Grain: (employee_id, work_date). Input: delta.
insert into touch (employee_id, work_date)
select m.employee_id, m.work_date
from delta as d
join mart.attendance_day as m on d.employee_id = m.employee_id
where d.side = 'new' and (m.work_date < d.hired_on or m.work_date > d.left_on)
