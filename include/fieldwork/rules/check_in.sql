-- Field check-ins that may speak for a visit, near-duplicates once, and what is odd about the position of each.
-- Grain: (employee_id, record_id). Inputs: day_punch, place.punch_place, ref.rule_version. Lives until the transaction
-- ends. check_in_no numbers them in an order that does not depend on how they were read: by person, then by time.
--
-- A position is known when it lies within the bounds of degrees and is not (0, 0); else latitude and longitude are null.
-- x, y, z: the place as a unit vector, from which distances are quicker than from degrees. no_place: why it is unknown.
-- signals: ref.location_signal tells them.
create temporary table check_in on commit drop as
with spaced as (
    select
        p.employee_id,
        p.record_id,
        p.punched_at,
        p.working_day,
        p.local_date,
        v.poor_accuracy_m,
        coalesce(
            p.punched_at - lag(p.punched_at) over (
                partition by p.employee_id, p.working_day order by p.punched_at, p.record_id
            ) <= v.duplicate_seconds * interval '1 second',
            false
        ) as again
    from day_punch as p
    join ref.rule_version as v
        on p.working_day >= v.valid_from and p.working_day < coalesce(v.valid_to, 'infinity')
    where p.kind = 'field'
),

told as (
    select
        s.*,
        at.latitude,
        at.longitude,
        at.accuracy_m,
        at.latitude between -90 and 90 and at.longitude between -180 and 180 as in_bounds,
        at.latitude = 0 and at.longitude = 0 as null_island
    from spaced as s
    left join place.punch_place as at on s.employee_id = at.employee_id and s.record_id = at.record_id
    where not s.again
),

placed as (
    select
        t.*,
        in_bounds and not null_island as located,
        case when in_bounds and not null_island then radians(latitude) end as north,
        case when in_bounds and not null_island then radians(longitude) end as east
    from told as t
)

select
    row_number() over (order by employee_id, punched_at, record_id) as check_in_no,
    employee_id,
    record_id,
    punched_at,
    working_day,
    local_date,
    date_part('epoch', punched_at) as at_s,
    case when located then latitude end as latitude,
    case when located then longitude end as longitude,
    greatest(accuracy_m, 0) as accuracy_m,
    cos(north) * cos(east) as x,
    cos(north) * sin(east) as y,
    sin(north) as z,
    case
        when located then null
        when not in_bounds then 'out_of_bounds'
        when null_island and longitude is not null then 'null_island'
        when (latitude is null) <> (longitude is null) then 'position_incomplete'
        else 'check_in_not_located'
    end as no_place,
    case
        when
            located and coalesce(accuracy_m > 0 and accuracy_m <= poor_accuracy_m, true)
            or latitude is null and longitude is null
            then '{}'::text[]
        else array_remove(
            array[
                case when located and accuracy_m < 0 then 'accuracy_negative' end,
                case when located and accuracy_m > poor_accuracy_m then 'accuracy_poor' end,
                case when located and accuracy_m = 0 then 'accuracy_zero' end,
                case when null_island then 'null_island' end,
                case when not in_bounds then 'out_of_bounds' end,
                case when (latitude is null) <> (longitude is null) then 'position_incomplete' end
            ],
            null
        )
    end as signals
from placed
