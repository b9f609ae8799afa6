-- The visits to check: not cancelled, not deleted, planned for one of the run's person-days (local date of the start).
-- Grain: (employee_id, visit_id). Inputs: planned_day, core.visit, core.account. Lives until the transaction ends.
--
-- in_time_from and in_time_to bound the check-ins that are in time, both included. The account's place is null where it
-- is unknown, as are (0, 0) and what is no degree; x, y, z is the place as a unit vector. visit_no numbers the visits in
-- an order that does not depend on how they were read. The columns in _s are seconds.
create temporary table visit_plan on commit drop as
with span as (
    select employee_id, time_zone, min(midnight) as begins_at, max(next_midnight) as ends_at
    from planned_day
    group by employee_id, time_zone
),

near as materialized (
    -- visits are read once per person, not once per day; by index, not by reading the table through (offset 0)
    select
        visit.*,
        span.time_zone,
        (visit.planned_start at time zone span.time_zone)::date as work_date,
        coalesce(greatest(visit.planned_start, visit.planned_end), visit.planned_start) as ends_at
    from span
    cross join lateral (
        select *
        from core.visit
        where
            employee_id = span.employee_id
            and planned_start >= span.begins_at and planned_start < span.ends_at
            and status <> 'cancelled' and not deleted
        offset 0
    ) as visit
),

located as (
    select account_id, radians(latitude) as north, radians(longitude) as east
    from core.account
    where
        latitude between -90 and 90 and longitude between -180 and 180
        and (latitude <> 0 or longitude <> 0)
)

select
    row_number() over (order by v.employee_id, v.planned_start, v.visit_id) as visit_no,
    v.employee_id,
    v.visit_id,
    d.work_date,
    v.account_id,
    v.planned_start,
    v.planned_end,
    v.actual_start,
    v.actual_end,
    v.status,
    v.ends_at,
    v.planned_start - d.visit_before as in_time_from,
    v.ends_at + d.visit_after as in_time_to,
    date_part('epoch', v.planned_start) as starts_s,
    date_part('epoch', v.ends_at) as ends_s,
    date_part('epoch', d.visit_before) as before_s,
    date_part('epoch', d.visit_after) as after_s,
    l.north is not null as located,
    cos(l.north) * cos(l.east) as x,
    cos(l.north) * sin(l.east) as y,
    sin(l.north) as z,
    coalesce(a.radius_m, d.default_radius_m) as radius_m,
    d.accuracy_cap_m,
    d.time_zone,
    d.rule_version
from near as v
join planned_day as d
    on v.employee_id = d.employee_id and v.work_date = d.work_date and v.time_zone = d.time_zone
left join core.account as a on v.account_id = a.account_id
left join located as l on v.account_id = l.account_id
