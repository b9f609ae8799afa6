-- Person-days of which a leave, trip or outing covers another part than it did; a night shift's day reaches to its end.
-- Grain: (employee_id, work_date). Inputs: delta, both sides; ref.planned_shift. A day of which nothing is planned yet (a
-- year without a calendar) is touched as a whole.
insert into touch (employee_id, work_date)
with covered as (
    select
        d.side,
        d.approval_id,
        d.employee_id,
        day::date as work_date,
        d.kind,
        greatest(d.start_at, plan.midnight) as begins_at,
        least(d.end_at, greatest(plan.next_midnight, plan.ends_at)) as ends_at
    from delta as d
    cross join lateral generate_series(
        (d.start_at at time zone 'UTC')::date - 1, (d.end_at at time zone 'UTC')::date + 1, interval '1 day'
    ) as day
    left join lateral (
        select midnight, next_midnight, ends_at
        from ref.planned_shift
        where employee_id = d.employee_id and work_date = day::date
        offset 0
    ) as plan on true
    where
        d.kind <> 'overtime'
        and (
            plan.midnight is null
            or d.start_at < greatest(plan.next_midnight, plan.ends_at) and d.end_at > plan.midnight
        )
)

select employee_id, work_date
from covered
group by approval_id, employee_id, work_date, kind, begins_at, ends_at
having count(*) = 1
