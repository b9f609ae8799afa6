-- Performance: attendance joined with what the CRM says was done.
-- Grain: (run_id, employee_id, work_date), as build.attendance_day. Inputs: planned_day, build.attendance_day,
-- build.visit_check, visit_plan, core.task, core.opportunity; :run_id. Key: as the grain.
--
-- The index is the weighted mean of three shares, times 100. A share with nothing to measure is left out and the other
-- weights count for more; null when nothing is left. Each share is one column of the row divided by another, so that a
-- month's index is made of their sums (totals.sql):
--   visits_verified: visits_verified of visits_planned
--   tasks_on_time:   tasks_on_time of tasks_due
--   attendance:      duty_kept_minutes of duty_minutes: duty (planned less leave) less minutes late and left early; none
--                    kept when absent; nothing measured on an incomplete day, and under irregular hours
insert into build.performance_day (
    run_id, employee_id, work_date, team, manager_employee_id, status, worked_minutes, late_minutes, early_minutes,
    overtime_minutes, planned_days, planned_minutes, leave_minutes, leave_days, exposure_minutes, duty_minutes,
    duty_kept_minutes, visits_planned, visits_done, visits_verified, tasks_due, tasks_on_time, follow_ups,
    opportunities_created, opportunities_won, amount_won, amount_won_other, performance_index, rule_version
)
with visits as (
    select
        c.employee_id,
        c.work_date,
        count(*) as planned,
        count(*) filter (where v.status = 'done') as done,
        count(*) filter (where c.verdict = 'verified') as verified
    from build.visit_check as c
    join visit_plan as v on c.employee_id = v.employee_id and c.visit_id = v.visit_id
    where c.run_id = :run_id
    group by c.employee_id, c.work_date
),

span as (
    -- facts are read once per person, not once per day, and by index, not by reading tables through (offset 0); a day
    -- between that is not the run's finds no partner below
    select
        employee_id,
        time_zone,
        min(work_date) as first_day,
        max(work_date) as last_day,
        min(midnight) as begins_at,
        max(next_midnight) as ends_at
    from planned_day
    group by employee_id, time_zone
),

due as (
    select
        span.employee_id,
        span.time_zone,
        t.due_on as work_date,
        count(*) as due,
        count(*) filter (
            where t.status = 'done' and t.completed_at < (t.due_on + 1)::timestamp at time zone span.time_zone
        ) as on_time
    from span
    cross join lateral (
        select *
        from core.task
        where
            employee_id = span.employee_id
            and due_on >= span.first_day and due_on <= span.last_day
            and status <> 'cancelled' and not deleted
        offset 0
    ) as t
    group by span.employee_id, span.time_zone, t.due_on
),

followed as (
    select
        span.employee_id,
        span.time_zone,
        (t.completed_at at time zone span.time_zone)::date as work_date,
        count(*) as follow_ups
    from span
    cross join lateral (
        select *
        from core.task
        where
            employee_id = span.employee_id
            and completed_at >= span.begins_at and completed_at < span.ends_at
            and status = 'done' and account_id is not null and not deleted
        offset 0
    ) as t
    group by span.employee_id, span.time_zone, (t.completed_at at time zone span.time_zone)::date
),

created as (
    select
        span.employee_id,
        span.time_zone,
        (o.created_at at time zone span.time_zone)::date as work_date,
        count(*) as opportunities
    from span
    cross join lateral (
        select *
        from core.opportunity
        where
            employee_id = span.employee_id
            and created_at >= span.begins_at and created_at < span.ends_at
            and not deleted
        offset 0
    ) as o
    group by span.employee_id, span.time_zone, (o.created_at at time zone span.time_zone)::date
),

closed as (
    select o.employee_id, span.time_zone, o.closed_on, o.currency, o.amount
    from span
    cross join lateral (
        select *
        from core.opportunity
        where
            employee_id = span.employee_id
            and closed_on >= span.first_day and closed_on <= span.last_day
            and is_won and not deleted
        offset 0
    ) as o
),

won as (
    select
        d.employee_id,
        d.work_date,
        coalesce(nullif(upper(btrim(o.currency)), ''), d.company_currency) as currency,
        d.company_currency,
        count(*) as opportunities,
        coalesce(sum(o.amount), 0) as amount
    from planned_day as d
    join closed as o
        on d.employee_id = o.employee_id and d.work_date = o.closed_on and d.time_zone = o.time_zone
    group by 1, 2, 3, 4
),

won_day as (
    select
        employee_id,
        work_date,
        sum(opportunities) as opportunities,
        coalesce(sum(amount) filter (where currency = company_currency), 0) as amount,
        jsonb_object_agg(currency, amount) filter (where currency <> company_currency) as elsewhere
    from won
    group by employee_id, work_date
),

joined as (
    select
        a.*,
        d.team,
        d.manager,
        coalesce((d.weights ->> 'visits_verified')::numeric, 0) as visit_weight,
        coalesce((d.weights ->> 'tasks_on_time')::numeric, 0) as task_weight,
        coalesce((d.weights ->> 'attendance')::numeric, 0) as attendance_weight,
        case
            when a.status in ('holiday', 'rest', 'leave') then 0
            else greatest(0, a.planned_minutes - a.leave_minutes)
        end as duty,
        coalesce(v.planned, 0) as visits_planned,
        coalesce(v.done, 0) as visits_done,
        coalesce(v.verified, 0) as visits_verified,
        coalesce(due.due, 0) as tasks_due,
        coalesce(due.on_time, 0) as tasks_on_time,
        coalesce(f.follow_ups, 0) as follow_ups,
        coalesce(c.opportunities, 0) as opportunities_created,
        coalesce(w.opportunities, 0) as opportunities_won,
        coalesce(w.amount, 0) as amount_won,
        w.elsewhere as amount_won_other
    from build.attendance_day as a
    join planned_day as d on a.employee_id = d.employee_id and a.work_date = d.work_date
    left join visits as v on a.employee_id = v.employee_id and a.work_date = v.work_date
    left join due
        on d.employee_id = due.employee_id and d.work_date = due.work_date and d.time_zone = due.time_zone
    left join followed as f
        on d.employee_id = f.employee_id and d.work_date = f.work_date and d.time_zone = f.time_zone
    left join created as c
        on d.employee_id = c.employee_id and d.work_date = c.work_date and d.time_zone = c.time_zone
    left join won_day as w on a.employee_id = w.employee_id and a.work_date = w.work_date
    where a.run_id = :run_id
),

measured as (
    select
        j.*,
        case when status = 'incomplete' or hours_system = 'irregular' then 0 else duty end as measured_duty,
        case
            when status in ('incomplete', 'absent') or hours_system = 'irregular' then 0
            else greatest(0, duty - late_minutes - early_minutes)
        end as kept
    from joined as j
),

weighed as (
    -- numeric, not binary: the same sums give the same index in every order, a month's too
    select
        m.*,
        coalesce(visits_verified * visit_weight / nullif(visits_planned, 0), 0)
        + coalesce(tasks_on_time * task_weight / nullif(tasks_due, 0), 0)
        + coalesce(kept * attendance_weight / nullif(measured_duty, 0), 0) as reached,
        case when visits_planned > 0 then visit_weight else 0 end
        + case when tasks_due > 0 then task_weight else 0 end
        + case when measured_duty > 0 then attendance_weight else 0 end as possible
    from measured as m
)

select
    :run_id,
    employee_id,
    work_date,
    team,
    manager,
    status,
    worked_minutes,
    late_minutes,
    early_minutes,
    overtime_minutes,
    (planned_minutes > 0)::integer,
    planned_minutes,
    leave_minutes,
    case when planned_minutes > 0 then round(leave_minutes::numeric / planned_minutes, 4) else 0 end,
    case when status = 'absent' then 0 else duty end,
    measured_duty,
    kept,
    visits_planned,
    visits_done,
    visits_verified,
    tasks_due,
    tasks_on_time,
    follow_ups,
    opportunities_created,
    opportunities_won,
    amount_won,
    amount_won_other,
    round(100 * reached / nullif(possible, 0), 2)::double precision,
    rule_version
from weighed
