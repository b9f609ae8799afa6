-- Days that have become days of employment after runs had passed over them.
-- Grain: (employee_id, work_date). Inputs: delta, ref.calendar_day, mart.attendance_day, ops.run.
insert into touch (employee_id, work_date)
with employment as (
    select
        n.employee_id,
        n.hired_on,
        n.left_on,
        o.employee_id is not null as known,
        o.hired_on as was_hired_on,
        o.left_on as was_left_on
    from delta as n
    left join delta as o on n.employee_id = o.employee_id and o.side = 'old'
    where
        n.side = 'new'
        and (n.hired_on, n.left_on) is distinct from (o.hired_on, o.left_on)
        and (o.employee_id is not null or n.hired_on is not null)
)

select e.employee_id, c.work_date
from employment as e
join ref.calendar_day as c
    on c.work_date >= coalesce(e.hired_on, c.work_date) and c.work_date <= coalesce(e.left_on, c.work_date)
where
    not (
        e.known
        and c.work_date >= coalesce(e.was_hired_on, c.work_date)
        and c.work_date <= coalesce(e.was_left_on, c.work_date)
    )
    and exists (select from ops.run as r where c.work_date >= r.since and c.work_date < r.until and r.state = 'done')
    and not exists (
        select
        from mart.attendance_day as m
        where m.employee_id = e.employee_id and m.work_date = c.work_date
    )
