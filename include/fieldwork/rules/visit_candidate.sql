-- Every check-in that says something about a visit: in time for it, or in range of its customer on its day.
-- Grain: (visit_no, check_in_no). Inputs: visit_plan, check_in. Lives until the transaction ends.
--
-- distance_m: great circle on a sphere of 6,371,008.8 m (the mean radius of WGS-84), from the chord between the two unit
-- vectors; null when either place is unknown. minutes_off: 0 inside the planned span, else whole minutes to its nearer
-- end. cost: what an assignment adds up, minutes off + metres / 10, in thousandths of a minute: a whole number, so that
-- sums do not depend on their order.
create temporary table visit_candidate on commit drop as
with due as (
    -- the visit under each day that its time window touches: its own day, rarely a neighbour
    select visit_plan.*, work_date as day
    from visit_plan
    union all
    select v.*, day::date
    from visit_plan as v
    cross join lateral generate_series(
        (v.in_time_from at time zone v.time_zone)::date, (v.in_time_to at time zone v.time_zone)::date, interval '1 day'
    ) as day
    where
        (v.in_time_from at time zone v.time_zone)::date < (v.in_time_to at time zone v.time_zone)::date
        and day::date <> v.work_date
),

made as (
    -- the check-in under its working day, and under its date where that is another
    select check_in.*, working_day as day from check_in
    union all
    select check_in.*, local_date from check_in where local_date <> working_day
),

apart as (
    select
        v.visit_no,
        c.check_in_no,
        v.radius_m,
        least(coalesce(c.accuracy_m, 0), v.accuracy_cap_m) as forgiven_m,
        c.working_day = v.work_date as same_day,
        c.punched_at between v.in_time_from and v.in_time_to as in_time,
        greatest(0, v.starts_s - c.at_s, c.at_s - v.ends_s) as seconds_off,
        case when c.at_s < v.starts_s then v.before_s else v.after_s end as slack_s,
        c.x - v.x as dx,
        c.y - v.y as dy,
        c.z - v.z as dz
    from due as v
    join made as c on v.employee_id = c.employee_id and v.day = c.day
    where
        -- each pair once: of the visit's day by the working day, else by the date and in time
        case
            when c.working_day = v.work_date then v.day = v.work_date
            else c.day = c.local_date and c.punched_at between v.in_time_from and v.in_time_to
        end
),

far as (
    -- rounding may carry half a chord past 1; least() would turn an unknown place into the far side of the Earth
    select
        a.*,
        sqrt(dx * dx + dy * dy + dz * dz) / 2 as half_chord
    from apart as a
),

measured as (
    select
        f.*,
        2 * 6371008.8 * asin(case when half_chord > 1 then 1 else half_chord end) as distance_m,
        floor(seconds_off / 60)::integer as minutes_off
    from far as f
),

judged as (
    select m.*, coalesce(distance_m - forgiven_m <= radius_m, false) as in_range
    from measured as m
)

select
    visit_no,
    check_in_no,
    same_day,
    in_time,
    in_range,
    minutes_off,
    distance_m,
    minutes_off::bigint * 1000 + coalesce(round(distance_m * 100), 0)::bigint as cost,
    0.5 * greatest(0, 1 - minutes_off * 60 / nullif(slack_s, 0))
    + 0.5 * coalesce(greatest(0, least(1, 1 - (distance_m - forgiven_m) / nullif(radius_m, 0))), 0) as fit
from judged
where in_time or (in_range and same_day)
