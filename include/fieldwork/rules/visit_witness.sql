-- The check-in that speaks for each visit, and what it makes of it. Visits for which none speaks are not in it.
-- Grain: visit_no. Inputs: visit_candidate, visit_proof. Lives until the transaction ends.
--
-- After the proofs, only check-ins that prove no visit count, and one of them may speak for several visits. The best of
-- several is the one with the least cost (minutes off + metres / 10), then the earliest.
create temporary table visit_witness on commit drop as
with free as (
    select
        c.*,
        case
            when c.in_range and c.same_day and not c.in_time then 'off_schedule'
            when c.in_time and c.distance_m is not null and not c.in_range then 'out_of_range'
            when c.in_time and c.distance_m is null then 'unverifiable'
        end as verdict
    from visit_candidate as c
    where
        not exists (select from visit_proof as p where c.check_in_no = p.check_in_no)
        and not exists (select from visit_proof as p where c.visit_no = p.visit_no)
)

select c.visit_no, c.check_in_no, 'verified' as verdict, c.minutes_off, c.distance_m, c.fit
from visit_candidate as c
join visit_proof as p on c.visit_no = p.visit_no and c.check_in_no = p.check_in_no
union all
(
    select distinct on (visit_no) visit_no, check_in_no, verdict, minutes_off, distance_m, fit
    from free
    where verdict is not null
    order by
        visit_no, array_position(array['off_schedule', 'out_of_range', 'unverifiable'], verdict), cost, check_in_no
)
