-- The person-days that are asked for, and those that must be computed together with them.
-- Grain: (employee_id, work_date), with the touch that asks for it. Inputs: asked_day, mart.visit_check, core.visit,
-- core.punch, ref.shift_day, ref.planned_shift, ref.rule_version, ops.touched. Into linked_day, which lives until the
-- transaction ends.
--
-- Days linked by a visit whose time window reaches over midnight go together: one check-in could serve both; the
-- published visits count too, because one that is deleted now may have used it. So do the two days of a check-in that
-- belongs to another working day than its date, if the date has visits: in time for those, it may be off schedule for
-- visits of the working day, and is listed there as free, if it proves none. Looked at are the days within a week of
-- one that is asked for.
--
-- Facts are looked up person by person (lateral, offset 0): a join on a span of time is estimated at a ninth of the table,
-- however short the span, and would read it through every day.
insert into linked_day (employee_id, work_date, touch_seq)
with recursive span as (
    select
        near.employee_id,
        lower(near.days) as first_day,
        upper(near.days) as last_day
    from (
        select employee_id, unnest(range_agg(daterange(work_date - 7, work_date + 8))) as days
        from asked_day
        group by employee_id
    ) as near
),

planned_visit as (
    select v.employee_id, v.planned_start, greatest(v.planned_start, v.planned_end) as planned_end
    from span
    cross join lateral (
        select *
        from core.visit
        where
            employee_id = span.employee_id
            and planned_start >= span.first_day and planned_start < span.last_day
            and not deleted and status <> 'cancelled'
        offset 0
    ) as v
    union all
    select m.employee_id, m.planned_start, greatest(m.planned_start, m.planned_end)
    from span
    cross join lateral (
        select *
        from mart.visit_check
        where employee_id = span.employee_id and work_date >= span.first_day and work_date < span.last_day
        offset 0
    ) as m
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

visited as (
    select distinct employee_id, work_date from reach
),

check_in_date as (
    select distinct p.employee_id, p.work_date, (p.punched_at at time zone r.time_zone)::date as local_date
    from span
    cross join lateral (
        select *
        from core.punch
        where
            employee_id = span.employee_id
            and punched_at >= span.first_day and punched_at < span.last_day
            and kind = 'field'
        offset 0
    ) as p
    join ref.rule_version as r
        on (p.punched_at at time zone 'UTC')::date >= r.valid_from
        and (p.punched_at at time zone 'UTC')::date < coalesce(r.valid_to, 'infinity')
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
    where
        ends_at + day_margin > next_midnight
        and shift in (select rostered.shift from rostered)
        and work_date >= (select min(first_day) from span)
    union all
    select shift, work_date, work_date - 1
    from ref.shift_day
    where
        starts_at - day_margin < midnight
        and shift in (select rostered.shift from rostered)
        and work_date >= (select min(first_day) from span)
),

other_date as (
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

link as materialized (
    select reach.employee_id, reach.work_date, day::date as linked_date
    from reach
    cross join lateral generate_series(reach.first_day, reach.last_day, interval '1 day') as day
    where reach.first_day < reach.last_day and day::date <> reach.work_date
    union
    select other.employee_id, other.local_date, other.work_date
    from other_date as other
    join visited as there on other.employee_id = there.employee_id and other.local_date = there.work_date
),

together as (
    select employee_id, work_date from asked_day
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
