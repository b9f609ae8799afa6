-- The verdict on every visit of the run, with the check-in that speaks for it.
-- Grain: (run_id, employee_id, visit_id). Inputs: visit_plan, check_in, visit_candidate, visit_proof, visit_witness,
-- visit_stay; :run_id.
--
-- taken: a check-in would prove the visit, but proves another one.
insert into build.visit_check (
    run_id, employee_id, visit_id, work_date, account_id, planned_start, planned_end, actual_start, actual_end,
    record_id, checked_in_at, minutes_off, distance_m, accuracy_m, radius_m, score, verdict, reason_code, reason,
    signals, stayed_minutes, stayed_at_most_minutes, rule_version
)
with taken as (
    select distinct c.visit_no
    from visit_candidate as c
    join visit_proof as p on c.check_in_no = p.check_in_no and c.visit_no <> p.visit_no
    where c.in_time and c.in_range
),

joined as (
    select
        v.*,
        c.record_id,
        c.punched_at,
        c.accuracy_m,
        c.no_place,
        c.signals,
        c.at_s,
        w.minutes_off,
        w.distance_m,
        w.fit,
        s.stayed_minutes,
        s.stayed_at_most_minutes,
        taken.visit_no is not null as taken,
        coalesce(w.verdict, case when v.located then 'no_check_in' else 'unverifiable' end) as verdict
    from visit_plan as v
    left join visit_witness as w on v.visit_no = w.visit_no
    left join check_in as c on w.check_in_no = c.check_in_no
    left join visit_stay as s on v.visit_no = s.visit_no
    left join taken on v.visit_no = taken.visit_no
),

told as (
    select
        j.*,
        case verdict
            when 'verified' then 'on_site'
            when 'off_schedule' then case when at_s < starts_s then 'too_early' else 'too_late' end
            when 'out_of_range' then 'too_far'
            when 'unverifiable' then case when located then no_place else 'customer_not_located' end
            else case when taken then 'check_in_taken' else 'no_check_in' end
        end as reason_code,
        how_timely,
        'Checked in ' || how_timely as checked_in,
        round(distance_m) || ' m from the customer' as how_far
    from joined as j
    cross join lateral (
        select
            case
                when minutes_off = 0 then 'during the planned time'
                else
                    minutes_off || case when minutes_off = 1 then ' minute ' else ' minutes ' end
                    || case when at_s < starts_s then 'before the planned start' else 'after the planned end' end
            end as how_timely
    ) as wording
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
    round(distance_m * 10) / 10,
    accuracy_m,
    radius_m,
    round(fit::numeric, 3)::double precision,
    verdict,
    reason_code,
    case reason_code
        when 'on_site' then checked_in || ', ' || how_far || '.'
        when 'too_early' then 'Checked in ' || how_far || ', but ' || how_timely || '.'
        when 'too_late' then 'Checked in ' || how_far || ', but ' || how_timely || '.'
        when 'too_far' then checked_in || ', but ' || how_far || '; up to ' || round(radius_m) || ' m count.'
        when 'customer_not_located' then 'The CRM has no position of the customer to compare with.'
        when 'check_in_not_located' then checked_in || ', but without a position.'
        when 'null_island' then checked_in || ', but its position is (0, 0), which means none.'
        when 'out_of_bounds' then checked_in || ', but its position is out of bounds.'
        when 'position_incomplete' then checked_in || ', but with half a position.'
        when 'swapped_position' then checked_in || ', but its coordinates are swapped.'
        when 'check_in_taken' then 'Every check-in that fits proves another visit.'
        else 'No check-in from ' || (before_s / 60)::integer || ' minutes before to '
            || (after_s / 60)::integer || ' minutes after the planned time.'
    end,
    coalesce(signals, '{}'),
    stayed_minutes,
    stayed_at_most_minutes,
    rule_version
from told
order by visit_no
