-- The person-days that a run would compute if they are ripe: those that facts touched, those of its window that were
-- never computed, and those that must be computed together with them.
-- Grain: (employee_id, work_date). Inputs: ops.touched, core.employee, ref.post, ref.calendar_day, mart.attendance_day,
-- mart.visit_check, core.visit, core.punch, ref.planned_shift, ops.run; :since, :until. Lives until the transaction ends.
--
-- A run asks again for the days of the week before that an earlier run asked for and found unripe: the night shift of
-- its last day is such. Days linked by a visit whose time window reaches over midnight go together: one check-in could
-- serve both; the published visits count too, because one that is deleted now may have used it. So do the two days of a
-- check-in that belongs to another working day than its date: in time for visits of the date, it may be off schedule for
-- those of the working day, if it proves none.
insert into asked_day (employee_id, work_date, touch_seq)
with recursive days as (
    select c.work_date
    from ref.calendar_day as c
    where
        c.work_date >= :since and c.work_date < :until
        or c.work_date >= cast(:since as date) - 7
        and exists (select from ops.run as r where c.work_date >= r.since and c.work_date < least(r.until, :since))
),

employed as (
    select e.employee_id, c.work_date
    from core.employee as e
    join days as c
        on c.work_date >= coalesce(e.hired_on, c.work_date) and c.work_date <= coalesce(e.left_on, c.work_date)
    union
    select p.employee_id, c.work_date
    from ref.post as p
    join days as c on c.work_date >= p.valid_from and c.work_date < coalesce(p.valid_to, 'infinity')
),

asked as (
    select employee_id, work_date from ops.touched
    union
    select e.employee_id, e.work_date
    from employed as e
    left join mart.attendance_day as m on e.employee_id = m.employee_id and e.work_date = m.work_date
    where m.employee_id is null
),

span as (
    select employee_id, min(work_date) - 7 as first_day, max(work_date) + 8 as last_day
    from asked
    group by employee_id
),

planned_visit as (
    select v.employee_id, v.planned_start, greatest(v.planned_start, v.planned_end) as planned_end
    from span
    join core.visit as v
        on span.employee_id = v.employee_id
        and v.planned_start >= span.first_day and v.planned_start < span.last_day
    where not v.deleted and v.status <> 'cancelled'
    union all
    select m.employee_id, m.planned_start, greatest(m.planned_start, m.planned_end)
    from span
    join mart.visit_check as m
        on span.employee_id = m.employee_id
        and m.work_date >= span.first_day and m.work_date < span.last_day
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

check_in_date as (
    select distinct p.employee_id, p.work_date, (p.punched_at at time zone r.time_zone)::date as local_date
    from span
    join core.punch as p
        on span.employee_id = p.employee_id
        and p.punched_at >= span.first_day and p.punched_at < span.last_day
    join ref.rule_version as r
        on (p.punched_at at time zone 'UTC')::date >= r.valid_from
        and (p.punched_at at time zone 'UTC')::date < coalesce(r.valid_to, 'infinity')
    where p.kind = 'field'
),

rostered as (
    select shift from ref.roster where shift is not null
    union
    select unnest(pattern) from ref.roster
    union
    select shift from ref.roster_day
),

near_midnight as materialized (
    -- the rostered shifts beside which a working day does not begin at midnight, and the date beyond (working_day.sql)
    select shift, work_date, work_date + 1 as local_date
    from ref.shift_day
    where ends_at + day_margin > next_midnight and shift in (select rostered.shift from rostered)
    union all
    select shift, work_date, work_date - 1
    from ref.shift_day
    where starts_at - day_margin < midnight and shift in (select rostered.shift from rostered)
),

link as materialized (
    select reach.employee_id, reach.work_date, day::date as linked_date
    from reach
    cross join lateral generate_series(reach.first_day, reach.last_day, interval '1 day') as day
    where reach.first_day < reach.last_day and day::date <> reach.work_date
    union
    select employee_id, local_date, work_date
    from check_in_date
    where abs(work_date - local_date) = 1
    union
    select c.employee_id, c.local_date, plan.work_date
    from check_in_date as c
    join near_midnight as near on c.local_date = near.local_date
    join ref.planned_shift as plan
        on c.employee_id = plan.employee_id and near.work_date = plan.work_date and near.shift = plan.shift
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

select t.employee_id, t.work_date, touched.seq
from together as t
left join ops.touched as touched on t.employee_id = touched.employee_id and t.work_date = touched.work_date
