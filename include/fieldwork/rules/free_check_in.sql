-- The check-ins of the run's person-days that prove no visit, and the visit that each comes nearest to proving.
-- Grain: check_in_no. Inputs: check_in, planned_day, visit_proof, visit_candidate, visit_plan, ref.rule_version. Lives
-- until the transaction ends.
--
-- hint, the first that holds for any visit: already_proven (the visit would be proven, but another check-in does it),
-- other_hour (in range on the day, but not in time), too_far (in time, not in range), customer_not_located, or the
-- reason why the check-in has no place; null when no visit is in question. meant: the check-in was meant for that visit,
-- being at its customer or no further away than nearby_m; else another customer may be the one at the place.
create temporary table free_check_in on commit drop as
with free as (
    select c.*, d.rule_version, rules.nearby_m
    from check_in as c
    join planned_day as d on c.employee_id = d.employee_id and c.working_day = d.work_date
    join ref.rule_version as rules on d.rule_version = rules.version
    where not exists (select from visit_proof as p where c.check_in_no = p.check_in_no)
),

ranked as (
    select
        n.*,
        case
            when n.in_range and n.in_time then 1
            when n.in_range then 2
            when n.distance_m <= free.nearby_m then 3
            when n.distance_m is not null then 4
            else 5
        end as place_in_line
    from visit_candidate as n
    join free on n.check_in_no = free.check_in_no
),

nearest as (
    select distinct on (check_in_no) *
    from ranked
    order by check_in_no, place_in_line, cost, visit_no
)

select
    f.check_in_no,
    f.employee_id,
    f.record_id,
    f.punched_at,
    f.working_day,
    f.latitude,
    f.longitude,
    f.accuracy_m,
    f.no_place,
    f.signals,
    f.rule_version,
    f.nearby_m,
    n.visit_no,
    n.distance_m,
    coalesce(n.place_in_line <= 3, false) as meant,
    case n.place_in_line
        when 1 then 'already_proven'
        when 2 then 'other_hour'
        when 3 then 'too_far'
        when 4 then 'too_far'
        when 5 then case when v.located then f.no_place else 'customer_not_located' end
    end as hint
from free as f
left join nearest as n on f.check_in_no = n.check_in_no
left join visit_plan as v on n.visit_no = v.visit_no
