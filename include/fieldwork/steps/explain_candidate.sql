-- The check-ins that could say something about one visit, the likeliest first.
-- Grain: the check-in. Inputs: visit_plan, visit_candidate, check_in, visit_proof (of the build that was made last);
-- :visit_id. Distances, no places.
select
    c.record_id,
    c.punched_at as checked_in_at,
    v.minutes_off,
    round(v.distance_m::numeric, 1) as distance_m,
    c.accuracy_m,
    v.in_time,
    v.in_range,
    (
        select other.visit_id
        from visit_proof as p
        join visit_plan as other on p.visit_no = other.visit_no
        where p.check_in_no = v.check_in_no
    ) as proves
from visit_plan as plan
join visit_candidate as v on plan.visit_no = v.visit_no
join check_in as c on v.check_in_no = c.check_in_no
where plan.visit_id = :visit_id
order by not v.in_time, not v.in_range, v.cost, c.check_in_no
