-- The check-ins of the run's person-days that prove no visit: where they were made and why they prove nothing.
-- Grain: (run_id, employee_id, record_id). Inputs: free_check_in, known_customer, visit_plan; :run_id.
--
-- The customer is the one of the visit that the check-in was meant for, else the known customer at or near the place. Off
-- plan: at a known customer, with no visit to it in question.
insert into build.unmatched_check_in (
    run_id, employee_id, record_id, work_date, checked_in_at, visit_id, account_id, distance_m, accuracy_m,
    reason_code, reason, signals, rule_version
)
with told as (
    select
        f.*,
        v.visit_id,
        v.radius_m,
        case
            when f.meant then f.hint
            when k.at_customer then 'off_plan'
            when f.no_place is not null then f.no_place
            when f.hint is not null then f.hint
            when k.check_in_no is not null then 'near_customer'
            else 'no_customer_near'
        end as reason_code,
        case when f.meant then v.account_id else k.account_id end as account_id,
        case when f.meant then f.distance_m else k.distance_m end as customer_m,
        case
            when f.punched_at < v.planned_start then 'before the planned start'
            else 'after the planned end'
        end as how_timely,
        floor(greatest(v.starts_s - date_part('epoch', f.punched_at), date_part('epoch', f.punched_at) - v.ends_s) / 60)
            as minutes_off
    from free_check_in as f
    left join visit_plan as v on f.visit_no = v.visit_no
    left join known_customer as k on f.check_in_no = k.check_in_no
)

select
    :run_id,
    employee_id,
    record_id,
    working_day,
    punched_at,
    visit_id,
    account_id,
    round(customer_m * 10) / 10,
    accuracy_m,
    reason_code,
    case reason_code
        when 'already_proven'
            then round(customer_m) || ' m from the customer of a visit that another check-in proves.'
        when 'other_hour'
            then round(customer_m) || ' m from the customer of a visit, but ' || minutes_off || ' minutes ' || how_timely
            || '.'
        when 'off_plan' then 'Off plan: ' || round(customer_m) || ' m from a customer without a visit at this time.'
        when 'too_far'
            then 'In time for a visit, but ' || round(distance_m) || ' m from its customer; up to ' || round(radius_m)
            || ' m count.'
        when 'customer_not_located' then 'In time for a visit, but the CRM has no position of its customer.'
        when 'near_customer'
            then 'No visit at this time; the nearest customer is ' || round(customer_m) || ' m away.'
        when 'no_customer_near'
            then 'No visit at this time, and no customer within ' || round(nearby_m) || ' m.'
        when 'check_in_not_located' then 'The check-in has no position.'
        when 'null_island' then 'The position is (0, 0), which means none.'
        when 'out_of_bounds' then 'The position is out of bounds.'
        when 'position_incomplete' then 'Half of the position is missing.'
        when 'swapped_position' then 'The coordinates are swapped.'
    end,
    signals,
    rule_version
from told
order by check_in_no
