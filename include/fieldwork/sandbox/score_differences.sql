-- Grain: one row per person-day or visit on which truth and mart differ, the first :most of them by key.
-- Inputs: truth_attendance, truth_visits, score_edge, mart.attendance_day, mart.visit_check.
-- Keys: (employee_id, work_date); (employee_id, visit_id).
with covered as (
    select
        min(work_date) as first_day,
        max(work_date) as last_day
    from truth_attendance
),

person_days as (
    select
        'person-day' as what,
        coalesce(truth.employee_id, found.employee_id) || ' ' || coalesce(truth.work_date, found.work_date) as key,
        truth.status || ', late ' || truth.late_minutes as expected,
        found.status || ', late ' || found.late_minutes as got
    from truth_attendance as truth
    full outer join (
        select day.*
        from mart.attendance_day as day
        inner join covered on day.work_date between covered.first_day and covered.last_day
    ) as found on truth.employee_id = found.employee_id and truth.work_date = found.work_date
    where (truth.status, truth.late_minutes) is distinct from (found.status, found.late_minutes)
),

visits as (
    select
        'visit' as what,
        coalesce(truth.employee_id, found.employee_id) || ' ' || coalesce(truth.visit_id, found.visit_id) as key,
        truth.verdict || coalesce(
            ' by ' || case when truth.verdict = 'verified' then truth.checked_in_at end, ''
        ) as expected,
        found.verdict || coalesce(
            ' by ' || case when found.verdict = 'verified' then found.checked_in_at end, ''
        ) as got
    from truth_visits as truth
    full outer join (
        select visit.*
        from mart.visit_check as visit
        inner join covered on visit.work_date between covered.first_day and covered.last_day
    ) as found on truth.employee_id = found.employee_id and truth.visit_id = found.visit_id
    left join score_edge as edge on truth.visit_id = edge.visit_id
    where truth.verdict is distinct from found.verdict or (truth.verdict = 'verified' and not edge.is_right)
)

select
    what,
    key,
    coalesce(expected, 'no row') as expected,
    coalesce(got, 'no row') as got
from (
    select * from person_days
    union all
    select * from visits
) as differences
order by what, key
limit :most
