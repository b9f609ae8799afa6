-- Person-days that a changed employment span takes away, and those of punches that counted nowhere and may count now.
-- Grain: (employee_id, work_date). Input: delta.
insert into touch (employee_id, work_date)
select m.employee_id, m.work_date
from delta as d
join mart.attendance_day as m on d.employee_id = m.employee_id
where d.side = 'new' and (m.work_date < d.hired_on or m.work_date > d.left_on)
union
select u.employee_id, u.work_date
from delta as d
join mart.uncounted_punch as u on d.employee_id = u.employee_id
where
    d.side = 'new'
    and u.work_date >= coalesce(d.hired_on, u.work_date) and u.work_date <= coalesce(d.left_on, u.work_date)
