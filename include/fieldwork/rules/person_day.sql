-- Which person-days the run computes: those that facts touched, and those of its window that were never computed.
-- Grain: (run_id, employee_id, work_date). Inputs: ops.touched, core.employee, ref.calendar_day, mart.attendance_day,
-- mart.visit_check, core.visit, ops.batch; :run_id, :since, :until. Key: as the grain.
--
-- A day is ripe when punches have been read without a gap from its midnight to its end: the next midnight, or four hours
-- (the margin) after the shift where that is later. An unripe day waits, its touch with it.
-- Days linked by a visit whose time window reaches over midnight are computed together: one check-in could serve both.
insert into build.person_day (run_id, employee_id, work_date, touch_seq)
with recursive coverage as (
    select range_agg(tstzrange(window_start, window_end)) as covered
    from ops.batch
    where stream = 'punches' and kind = 'extract' and state = 'closed' and window_end is not null
),

asked as (
    select employee_id, work_date from ops.touched
    union
    select e.employee_id, c.work_date
    from core.employee as e
    join ref.calendar_day as c
        on c.work_date >= coalesce(e.hired_on, c.work_date) and c.work_date <= coalesce(e.left_on, c.work_date)
    left join mart.attendance_day as m on e.employee_id = m.employee_id and c.work_date = m.work_date
    where c.work_date >= :since and c.work_date < :until and m.employee_id is null
),

span as (
    select min(work_date) - 7 as first_day, max(work_date) + 8 as last_day from asked
),

planned_visit as (
    select v.employee_id, v.planned_start, greatest(v.planned_start, v.planned_end) as planned_end
    from core.visit as v
    cross join span
    where v.planned_start >= span.first_day and v.planned_start < span.last_day
        and not v.deleted and v.status <> 'cancelled'
    union
    select m.employee_id, m.planned_start, greatest(m.planned_start, m.planned_end)
    from mart.visit_check as m
    cross join span
    where m.work_date >= span.first_day and m.work_date < span.last_day
),

reach as (
    select
        p.employee_id,
        (p.planned_start at time zone r.time_zone)::date as work_date,
        ((p.planned_start - r.visit_before_minutes * interval '1 minute') at time zone r.time_zone)::date as first_day,
        ((p.planned_end + r.visit_after_minutes * interval '1 minute') at time zone r.time_zone)::date as last_day
    from planned_visit as p
    join ref.rule_version as r
        on (p.planned_start at time zone 'UTC')::date >= r.valid_from
        and (p.planned_start at time zone 'UTC')::date < coalesce(r.valid_to, 'infinity')
),

link as materialized (
    select reach.employee_id, reach.work_date, day::date as linked_date
    from reach
    cross join lateral generate_series(reach.first_day, reach.last_day, interval '1 day') as day
    where reach.first_day < reach.last_day and day::date <> reach.work_date
),

together as (
    select employee_id, work_date from asked
    union
    select
        t.employee_id,
        case when l.work_date = t.work_date then l.linked_date else l.work_date end
    from together as t
    join link as l on t.employee_id = l.employee_id and t.work_date in (l.work_date, l.linked_date)
)

select :run_id, t.employee_id, t.work_date, touched.seq
from together as t
cross join coverage
cross join lateral ref.planned_shift(t.employee_id, t.work_date) as plan
left join ops.touched as touched on t.employee_id = touched.employee_id and t.work_date = touched.work_date
where
    coverage.covered @> tstzrange(
        plan.midnight, greatest(plan.next_midnight, plan.ends_at + plan.day_margin)
    )
