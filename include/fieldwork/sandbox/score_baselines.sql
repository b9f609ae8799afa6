-- What two plain ways to match would find of the same records: each check-in goes to the visit of the day that is nearest
-- in time (and at most two hours off, wherever it was made), or to the one nearest in distance (and in range, at whatever
-- hour); each visit keeps the nearest of its check-ins.
-- Grain: method. Inputs: truth_attendance, truth_visits, truth_checkins, core.punch, place.punch_place, core.visit,
-- core.account, ref.rule_version.
with covered as (
    select
        min(work_date) as first_day,
        max(work_date) as last_day
    from truth_attendance
),

rules as (
    select *
    from ref.rule_version
    order by valid_from desc
    limit 1
),

press as (
    select
        p.employee_id,
        p.record_id,
        p.punched_at,
        (p.punched_at at time zone rules.time_zone)::date as work_date,
        coalesce(
            p.punched_at - lag(p.punched_at) over (partition by p.employee_id order by p.punched_at, p.record_id)
            <= rules.duplicate_seconds * interval '1 second',
            false
        ) as again
    from core.punch as p
    cross join rules
    where p.kind = 'field'
),

check_in as materialized (
    select
        press.*,
        at.latitude,
        at.longitude,
        radians(at.latitude) as north,
        cos(radians(at.latitude)) as narrowing,
        least(coalesce(at.accuracy_m, 0), rules.accuracy_cap_m) as forgiven
    from press
    cross join rules
    join covered on press.work_date between covered.first_day and covered.last_day
    left join place.punch_place as at on press.employee_id = at.employee_id and press.record_id = at.record_id
    where not press.again
),

pair as (
    select
        v.visit_id,
        c.record_id,
        c.employee_id,
        c.punched_at,
        abs(date_part('epoch', c.punched_at - v.planned_start)) as seconds,
        c.punched_at between v.planned_start - rules.visit_before_minutes * interval '1 minute'
        and v.planned_end + rules.visit_after_minutes * interval '1 minute' as in_time,
        12742017.6 * asin(
            sqrt(
                power(sin((c.north - radians(a.latitude)) / 2), 2)
                + c.narrowing * cos(radians(a.latitude)) * power(sin(radians(c.longitude - a.longitude) / 2), 2)
            )
        ) as metres,
        coalesce(a.radius_m, rules.default_radius_m) + c.forgiven as reach
    from check_in as c
    cross join rules
    join core.visit as v
        on c.employee_id = v.employee_id and c.work_date = (v.planned_start at time zone rules.time_zone)::date
    left join core.account as a on v.account_id = a.account_id
    where v.status <> 'cancelled' and not v.deleted
),

choice as (
    select 'nearest in time' as method, pair.*, seconds as apart
    from pair
    where in_time
    union all
    select 'nearest in distance' as method, pair.*, metres as apart
    from pair
    where metres <= reach
),

taken as (
    select distinct on (method, record_id) *
    from choice
    order by method, record_id, apart, visit_id
),

kept as (
    select distinct on (method, visit_id) *
    from taken
    order by method, visit_id, apart, record_id
)

select
    k.method,
    count(*) as found_edges,
    count(*) filter (where t.verdict = 'verified' and made.visit_id = k.visit_id) as right_edges
from kept as k
left join truth_visits as t on k.visit_id = t.visit_id
left join truth_checkins as made on k.employee_id = made.employee_id and k.punched_at = made.punched_at
group by k.method
order by k.method desc
