-- The pairs that could be a proof, in time and in range, and whether they must be weighed against others.
-- Grain: (visit_no, check_in_no). Input: visit_candidate. Lives until the transaction ends.
--
-- alone: all check-ins of the visit fit no other visit, or all visits of the check-in have no other check-in. Then the
-- best pair of that star is the answer; everything else is contested and goes to the solver (matching.py).
create temporary table visit_edge on commit drop as
with degree as (
    select
        visit_no,
        check_in_no,
        cost,
        count(*) over (partition by visit_no) as check_ins,
        count(*) over (partition by check_in_no) as visits
    from visit_candidate
    where in_time and in_range
)

select
    visit_no,
    check_in_no,
    cost,
    max(visits) over (partition by visit_no) = 1 as alone_visit,
    max(check_ins) over (partition by check_in_no) = 1 as alone_check_in
from degree
