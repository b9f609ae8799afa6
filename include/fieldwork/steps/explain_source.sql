-- The source rows that the columns of one person-day, or of its visits, are computed from: exactly these, by their kind.
-- Grain: (kind, record_id); a field punch may be both a punch of the day and a check-in. Into source_row (temporary).
-- Inputs: planned_day, day_punch, visit_plan, visit_candidate, check_in, free_check_in, known_customer (of the build that has
-- just computed the day and the days that hang together with it), core.leave, core.task, core.opportunity; :employee_id,
-- :work_date.
--
-- A visit's verdict depends on all visits and check-ins that compete with it, and whether a check-in is a near-duplicate
-- on the field punches around it: of the days concerned all are taken.
insert into source_row (kind, record_id)
with day as (
    select *
    from planned_day
    where employee_id = :employee_id and work_date = :work_date
)

select 'punch', p.record_id
from day_punch as p
where p.employee_id = :employee_id and p.working_day = :work_date
union
select 'check_in', p.record_id
from day_punch as p
where
    p.employee_id = :employee_id
    and p.kind = 'field'
    and (
        p.local_date = :work_date
        or p.working_day = :work_date
        or p.working_day in (
            select c.working_day
            from check_in as c
            join visit_candidate as v on c.check_in_no = v.check_in_no
            where c.employee_id = :employee_id
        )
    )
union
select 'visit', v.visit_id
from visit_plan as v
where v.employee_id = :employee_id
union
select 'account', v.account_id
from visit_plan as v
where v.employee_id = :employee_id and v.account_id is not null
union
select 'account', k.account_id
from free_check_in as f
join known_customer as k on f.check_in_no = k.check_in_no
where f.employee_id = :employee_id
union
select 'leave', l.approval_id
from day
join core.leave as l
    on day.employee_id = l.employee_id
    and l.start_at < day.next_midnight + interval '2 days' and l.end_at > day.midnight - interval '1 day'
union
select 'task', t.task_id
from day
join core.task as t on day.employee_id = t.employee_id
where
    t.due_on = day.work_date
    or t.completed_at >= day.midnight and t.completed_at < day.next_midnight
union
select 'opportunity', o.opportunity_id
from day
join core.opportunity as o on day.employee_id = o.employee_id
where
    o.closed_on = day.work_date
    or o.created_at >= day.midnight and o.created_at < day.next_midnight
