-- Field check-ins that may speak for a visit, near-duplicates once.
-- Grain: (employee_id, record_id). Inputs: day_punch, place.punch_place, ref.rule_version. Lives until the transaction
-- ends. A position of (0, 0) is none. check_in_no numbers them in an order that does not depend on how they were read.
create temporary table check_in on commit drop as
with spaced as (
    select
        p.employee_id,
        p.record_id,
        p.punched_at,
        p.working_day,
        p.local_date,
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
)

select
    row_number() over (order by s.employee_id, s.punched_at, s.record_id) as check_in_no,
    s.employee_id,
    s.record_id,
    s.punched_at,
    s.working_day,
    s.local_date,
    case when at.latitude <> 0 or at.longitude <> 0 then at.latitude end as latitude,
    case when at.latitude <> 0 or at.longitude <> 0 then at.longitude end as longitude,
    greatest(at.accuracy_m, 0) as accuracy_m
from spaced as s
left join place.punch_place as at on s.employee_id = at.employee_id and s.record_id = at.record_id
where not s.again
