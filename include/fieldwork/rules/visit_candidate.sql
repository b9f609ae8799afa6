-- Every check-in that could say something about a visit: in time for it, or made on its day.
-- Grain: (visit_no, check_in_no). Inputs: visit_plan, check_in. Lives until the transaction ends.
--
-- distance_m: great circle on a sphere of 6,371,008.8 m (the mean radius of WGS-84); null when either place is unknown.
-- minutes_off: 0 inside the planned span, else whole minutes to its nearer end. cost: what an assignment adds up.
create temporary table visit_candidate on commit drop as
with paired as (
    select v.visit_no, c.check_in_no
    from visit_plan as v
    join check_in as c on v.employee_id = c.employee_id and v.work_date = c.working_day
    union
    select v.visit_no, c.check_in_no
    from visit_plan as v
    cross join lateral generate_series(
        (v.in_time_from at time zone v.time_zone)::date, (v.in_time_to at time zone v.time_zone)::date, interval '1 day'
    ) as day
    join check_in as c on v.employee_id = c.employee_id and day::date = c.local_date
    where c.punched_at between v.in_time_from and v.in_time_to
),

measured as (
    select
        p.visit_no,
        p.check_in_no,
        v.radius_m,
        least(coalesce(c.accuracy_m, 0), v.accuracy_cap_m) as forgiven_m,
        c.working_day = v.work_date as same_day,
        c.punched_at between v.in_time_from and v.in_time_to as in_time,
        greatest(
            0,
            floor(extract(epoch from v.planned_start - c.punched_at) / 60),
            floor(extract(epoch from c.punched_at - v.ends_at) / 60)
        )::integer as minutes_off,
        case when c.punched_at < v.planned_start then v.visit_before else v.visit_after end as slack,
        power(sin(radians(c.latitude - v.latitude) / 2), 2)
        + cos(radians(v.latitude)) * cos(radians(c.latitude)) * power(sin(radians(c.longitude - v.longitude) / 2), 2)
            as haversine
    from paired as p
    join visit_plan as v on p.visit_no = v.visit_no
    join check_in as c on p.check_in_no = c.check_in_no
),

far as (
    -- rounding may carry the sum of two antipodes past 1; least() would turn an unknown place into the far side
    select m.*, 2 * 6371008.8 * asin(sqrt(case when haversine > 1 then 1 else haversine end)) as distance_m
    from measured as m
)

select
    visit_no,
    check_in_no,
    same_day,
    in_time,
    coalesce(distance_m - forgiven_m <= radius_m, false) as in_range,
    minutes_off,
    distance_m,
    minutes_off + coalesce(distance_m, 0) / 10 as cost,
    0.5 * greatest(0, 1 - minutes_off / nullif(extract(epoch from slack)::double precision / 60, 0))
    + 0.5 * coalesce(greatest(0, least(1, 1 - (distance_m - forgiven_m) / nullif(radius_m, 0))), 0) as fit
from far
