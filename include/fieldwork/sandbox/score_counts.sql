-- Grain: one row of counts. Inputs: truth_attendance, truth_visits, mart.attendance_day, mart.visit_check.
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
    select
        coalesce(truth.verdict = found.verdict, false) as equal,
        coalesce(truth.verdict = 'verified', false) as is_edge,
        coalesce(found.verdict = 'verified', false) as found_edge,
        coalesce(
            truth.verdict = 'verified' and found.verdict = 'verified' and truth.checked_in_at = found.checked_in_at,
            false
        ) as right_edge
    from truth_visits as truth
    full outer join (
        select visit.*
        from mart.visit_check as visit
        inner join covered on visit.work_date between covered.first_day and covered.last_day
    ) as found on truth.employee_id = found.employee_id and truth.visit_id = found.visit_id
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
        count(*) filter (where equal) as equal_verdicts,
        count(*) filter (where is_edge) as real_edges,
        count(*) filter (where found_edge) as found_edges,
        count(*) filter (where right_edge) as right_edges
    from visits
)

select
    day_counts.*,
    visit_counts.*
from day_counts
cross join visit_counts
