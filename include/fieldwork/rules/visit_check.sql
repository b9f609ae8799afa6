-- The verdict on every visit of the run, with the check-in that speaks for it.
-- Grain: (run_id, employee_id, visit_id). Inputs: visit_plan, check_in, visit_candidate, visit_proof; :run_id.
--
-- After the proofs, only check-ins that prove no visit count, and one of them may speak for several visits. The best of
-- several is the one with the least cost (minutes off + metres / 10), then the earliest.
insert into build.visit_check (
    run_id, employee_id, visit_id, work_date, account_id, planned_start, planned_end, actual_start, actual_end,
    record_id, checked_in_at, minutes_off, distance_m, accuracy_m, score, verdict, reason, rule_version
)
with proven as (
    select c.*, 'verified' as verdict
    from visit_candidate as c
    join visit_proof as p on c.visit_no = p.visit_no and c.check_in_no = p.check_in_no
),

free as (
    select c.*
    from visit_candidate as c
    where
        not exists (select from visit_proof as p where c.check_in_no = p.check_in_no)
        and not exists (select from visit_proof as p where c.visit_no = p.visit_no)
),

hinted as (
    select
        f.*,
        case
            when f.in_range and f.same_day and not f.in_time then 'off_schedule'
            when f.in_time and f.distance_m is not null and not f.in_range then 'out_of_range'
            when f.in_time and f.distance_m is null then 'unverifiable'
        end as verdict
    from free as f
),

best as (
    select distinct on (visit_no) *
    from hinted
    where verdict is not null
    order by
        visit_no, array_position(array['off_schedule', 'out_of_range', 'unverifiable'], verdict), cost, check_in_no
),

spoken as (
    select * from proven
    union all
    select * from best
),

told as (
    select
        v.*,
        c.record_id,
        c.punched_at,
        c.accuracy_m,
        s.minutes_off,
        s.distance_m,
        s.fit,
        coalesce(s.verdict, case when v.latitude is null or v.longitude is null then 'unverifiable' else 'no_check_in' end)
            as verdict,
        case
            when s.minutes_off = 0 then 'during the planned time'
            else
                s.minutes_off || case when s.minutes_off = 1 then ' minute ' else ' minutes ' end
                || case when c.punched_at < v.planned_start then 'before the planned start' else 'after the planned end' end
        end as how_timely,
        round(s.distance_m) || ' m from the customer' as how_far
    from visit_plan as v
    left join spoken as s on v.visit_no = s.visit_no
    left join check_in as c on s.check_in_no = c.check_in_no
)

select
    :run_id,
    employee_id,
    visit_id,
    work_date,
    account_id,
    planned_start,
    planned_end,
    actual_start,
    actual_end,
    record_id,
    punched_at,
    minutes_off,
    round(distance_m::numeric, 1)::double precision,
    accuracy_m,
    round(fit::numeric, 3)::double precision,
    verdict,
    case
        when verdict = 'verified' then 'Checked in ' || how_timely || ', ' || how_far || '.'
        when verdict = 'off_schedule'
            then 'Checked in ' || how_far || ', but ' || how_timely || '.'
        when verdict = 'out_of_range'
            then 'Checked in ' || how_timely || ', but ' || how_far || '; up to ' || round(radius_m) || ' m count.'
        when verdict = 'unverifiable' and (latitude is null or longitude is null)
            then 'The CRM has no position of the customer to compare with.'
        when verdict = 'unverifiable'
            then 'Checked in ' || how_timely || ', but without a position.'
        else 'No check-in from ' || (extract(epoch from visit_before) / 60)::integer || ' minutes before to '
            || (extract(epoch from visit_after) / 60)::integer || ' minutes after the planned time.'
    end,
    rule_version
from told
order by visit_no
