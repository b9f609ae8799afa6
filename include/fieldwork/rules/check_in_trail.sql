-- What the check-ins of one working day say about each other: where one comes in the order of the day's known places,
-- when the next was made, and whether its position is a repeated one or could not be reached from the one before.
-- Grain: check_in_no, those with a position. Inputs: check_in, ref.rule_version. Lives until the transaction ends.
--
-- repeated_position: the same degrees to the last digit as an earlier check-in of the working day.
-- impossible_travel: faster than speed_limit_kmh since the check-in before, what both positions admit to be wrong by
-- taken off the way.
create temporary table check_in_trail on commit drop as
with step as (
    select
        check_in_no,
        employee_id,
        working_day,
        punched_at,
        at_s,
        latitude,
        longitude,
        row_number() over day_of as place_no,
        lead(at_s) over day_of as next_at_s,
        at_s - lag(at_s) over day_of as seconds,
        coalesce(accuracy_m, 0) + coalesce(lag(accuracy_m) over day_of, 0) as blurred_m,
        x - lag(x) over day_of as dx,
        y - lag(y) over day_of as dy,
        z - lag(z) over day_of as dz
    from check_in
    where x is not null
    window day_of as (partition by employee_id, working_day order by check_in_no)
),

repeated as (
    select employee_id, working_day, latitude, longitude, min(check_in_no) as first_no
    from check_in
    where x is not null
    group by employee_id, working_day, latitude, longitude
    having count(*) > 1
)

select
    s.check_in_no,
    s.place_no,
    s.next_at_s,
    coalesce(
        2 * 6371008.8 * asin(least(1, sqrt(dx * dx + dy * dy + dz * dz) / 2)) - blurred_m
        > v.speed_limit_kmh / 3.6 * seconds,
        false
    ) as impossible_travel,
    r.first_no is not null and s.check_in_no > r.first_no as repeated_position
from step as s
join ref.rule_version as v
    on s.working_day >= v.valid_from and s.working_day < coalesce(v.valid_to, 'infinity')
left join repeated as r
    on s.employee_id = r.employee_id and s.working_day = r.working_day
    and s.latitude = r.latitude and s.longitude = r.longitude
