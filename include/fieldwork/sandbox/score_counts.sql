-- Grain: one row of counts. Inputs: truth_attendance, truth_visits, truth_checkins, score_edge, mart.attendance_day,
-- mart.visit_check, mart.unmatched_check_in.
-- Keys: (employee_id, work_date); (employee_id, visit_id). The mart counts within the days that the truth covers.
with covered as (
    select
        min(work_date) as first_day,
        max(work_date) as last_day
    from truth_attendance
),

person_days as (
    select
        coalesce(truth.status = found.status and truth.late_minutes = found.late_minutes, false) as equal,
        coalesce(
            truth.early_minutes = found.early_minutes and truth.worked_minutes = found.worked_minutes, false
        ) as minutes_equal
    from truth_attendance as truth
    full outer join (
        select day.*
        from mart.attendance_day as day
        inner join covered on day.work_date between covered.first_day and covered.last_day
    ) as found on truth.employee_id = found.employee_id and truth.work_date = found.work_date
),

visits as (
    select coalesce(truth.verdict = found.verdict, false) as equal
    from truth_visits as truth
    full outer join (
        select visit.*
        from mart.visit_check as visit
        inner join covered on visit.work_date between covered.first_day and covered.last_day
    ) as found on truth.employee_id = found.employee_id and truth.visit_id = found.visit_id
),

off_plan as (
    select coalesce(found.account_id = truth.account_id, false) as named
    from truth_checkins as truth
    left join mart.unmatched_check_in as found
        on truth.employee_id = found.employee_id and truth.punched_at = found.checked_in_at
        and found.reason_code = 'off_plan'
    where truth.visit_id is null and truth.account_id is not null
),

day_counts as (
    select
        count(*) as person_days,
        count(*) filter (where equal) as equal_person_days,
        count(*) filter (where minutes_equal) as equal_minutes
    from person_days
),

visit_counts as (
    select
        count(*) as visits,
        count(*) filter (where equal) as equal_verdicts
    from visits
),

edge_counts as (
    select
        count(*) filter (where is_real) as real_edges,
        count(*) filter (where is_found) as found_edges,
        count(*) filter (where is_right) as right_edges
    from score_edge
),

off_plan_counts as (
    select
        count(*) as off_plan,
        count(*) filter (where named) as named_off_plan
    from off_plan
)

select
    day_counts.*,
    visit_counts.*,
    edge_counts.*,
    off_plan_counts.*
from day_counts
cross join visit_counts
cross join edge_counts
cross join off_plan_counts
