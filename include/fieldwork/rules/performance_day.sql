-- Performance: attendance joined with what the CRM says was done.
-- Grain: (run_id, employee_id, work_date), as build.attendance_day. Inputs: planned_day, build.attendance_day,
-- build.visit_check, visit_plan, core.task, core.opportunity; :run_id. Key: as the grain.
--
-- The index is the weighted mean of three shares, times 100. A share with nothing to measure is left out and the other
-- weights count for more; null when nothing is left.
--   visits_verified: verified visits of the planned ones
--   tasks_on_time:   tasks completed by the end of their due day, of those due
--   attendance:      duty less minutes late and left early, of the duty (planned less leave); 0 when absent; left out on
--                    an incomplete day
insert into build.performance_day (
    run_id, employee_id, work_date, team, manager_employee_id, status, worked_minutes, late_minutes, early_minutes,
    overtime_minutes, exposure_minutes, visits_planned, visits_done, visits_verified, tasks_due, tasks_on_time, follow_ups,
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
    -- facts are read once per person, not once per day; a day between that is not the run's finds no partner below
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
    join core.task as t
        on span.employee_id = t.employee_id and t.due_on >= span.first_day and t.due_on <= span.last_day
    where t.status <> 'cancelled' and not t.deleted
    group by span.employee_id, span.time_zone, t.due_on
),

followed as (
    select
        span.employee_id,
        span.time_zone,
        (t.completed_at at time zone span.time_zone)::date as work_date,
        count(*) as follow_ups
    from span
    join core.task as t
        on span.employee_id = t.employee_id and t.completed_at >= span.begins_at and t.completed_at < span.ends_at
    where t.status = 'done' and t.account_id is not null and not t.deleted
    group by span.employee_id, span.time_zone, (t.completed_at at time zone span.time_zone)::date
),

created as (
    select
        span.employee_id,
        span.time_zone,
        (o.created_at at time zone span.time_zone)::date as work_date,
        count(*) as opportunities
    from span
    join core.opportunity as o
        on span.employee_id = o.employee_id and o.created_at >= span.begins_at and o.created_at < span.ends_at
    where not o.deleted
    group by span.employee_id, span.time_zone, (o.created_at at time zone span.time_zone)::date
),

won as (
    select
        d.employee_id,
        d.work_date,
        coalesce(o.currency, d.company_currency) as currency,
        coalesce(o.currency, d.company_currency) = d.company_currency as at_home,
        count(*) as opportunities,
        coalesce(sum(o.amount), 0) as amount
    from planned_day as d
    join core.opportunity as o on d.employee_id = o.employee_id and d.work_date = o.closed_on
    where o.is_won and not o.deleted
    group by d.employee_id, d.work_date, coalesce(o.currency, d.company_currency), d.company_currency
),

won_day as (
    select
        employee_id,
        work_date,
        sum(opportunities) as opportunities,
        coalesce(sum(amount) filter (where at_home), 0) as amount,
        jsonb_object_agg(currency, amount) filter (where not at_home) as elsewhere
    from won
    group by employee_id, work_date
),

joined as (
    select
        a.*,
        d.team,
        d.manager,
        d.weights,
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

shared as (
    select
        j.*,
        visits_verified::double precision / nullif(visits_planned, 0) as visit_share,
        tasks_on_time::double precision / nullif(tasks_due, 0) as task_share,
        case
            when status = 'incomplete' then null
            when status = 'absent' and duty > 0 then 0
            else greatest(0, duty - late_minutes - early_minutes)::double precision / nullif(duty, 0)
        end as attendance_share,
        coalesce((weights ->> 'visits_verified')::double precision, 0) as visit_weight,
        coalesce((weights ->> 'tasks_on_time')::double precision, 0) as task_weight,
        coalesce((weights ->> 'attendance')::double precision, 0) as attendance_weight
    from joined as j
),

weighed as (
    select
        s.*,
        coalesce(visit_share * visit_weight, 0)
        + coalesce(task_share * task_weight, 0)
        + coalesce(attendance_share * attendance_weight, 0) as reached,
        case when visit_share is null then 0 else visit_weight end
        + case when task_share is null then 0 else task_weight end
        + case when attendance_share is null then 0 else attendance_weight end as weight
    from shared as s
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
    case when status = 'absent' then 0 else duty end,
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
    round((100 * reached / nullif(weight, 0))::numeric, 2)::double precision,
    rule_version
from weighed
