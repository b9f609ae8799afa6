-- Every visit that either side calls verified: the truth's edge, the warehouse's, and whether the two are one.
-- Grain: (employee_id, visit_id). Inputs: truth_attendance, truth_visits, truth_checkins, mart.visit_check. Lives until the
-- transaction ends. The mart counts within the days that the truth covers.
--
-- A found edge is right when the visit is verified in truth and the check-in was made for it: on coming or on leaving.
create temporary table score_edge on commit drop as
with covered as (
    select
        min(work_date) as first_day,
        max(work_date) as last_day
    from truth_attendance
),

found as (
    select
        visit.employee_id,
        visit.visit_id,
        visit.verdict,
        visit.checked_in_at
    from mart.visit_check as visit
    cross join covered
    where visit.work_date between covered.first_day and covered.last_day
)

select
    coalesce(truth.employee_id, found.employee_id) as employee_id,
    coalesce(truth.visit_id, found.visit_id) as visit_id,
    truth.checked_in_at as real_at,
    coalesce(truth.verdict = 'verified', false) as is_real,
    coalesce(found.verdict = 'verified', false) as is_found,
    found.visit_id is not null as computed,
    made.punched_at is not null as known,
    made.visit_id as made_for,
    coalesce(truth.verdict = 'verified' and made.visit_id = truth.visit_id, false) as is_right
from truth_visits as truth
full outer join found on truth.employee_id = found.employee_id and truth.visit_id = found.visit_id
left join truth_checkins as made
    on found.verdict = 'verified' and found.employee_id = made.employee_id and found.checked_in_at = made.punched_at
where truth.verdict = 'verified' or found.verdict = 'verified'
