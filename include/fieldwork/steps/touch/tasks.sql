-- Days for which a task counts otherwise than it did: the day on which it is due, the day on which it was completed.
-- Grain: (employee_id, work_date). Inputs: delta, both sides; ref.rule_version.
insert into touch (employee_id, work_date)
with counted as (
    select d.side, d.task_id, d.employee_id, 'due' as what, d.due_on as work_date, d.status, d.completed_at
    from delta as d
    where d.due_on is not null and d.status <> 'cancelled' and d.deleted is not true
    union all
    select d.side, d.task_id, d.employee_id, 'followed', (d.completed_at at time zone v.time_zone)::date, null, null
    from delta as d
    join ref.rule_version as v
        on (d.completed_at at time zone 'UTC')::date >= v.valid_from
        and (d.completed_at at time zone 'UTC')::date < coalesce(v.valid_to, 'infinity')
    where d.status = 'done' and d.account_id is not null and d.deleted is not true
)

select employee_id, work_date
from counted
group by task_id, employee_id, what, work_date, status, completed_at
having count(*) = 1
