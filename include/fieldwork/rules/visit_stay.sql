-- How long the person stayed with the customer, as far as other check-ins of the day tell.
-- Grain: visit_no, visits whose check-in is in range. Inputs: visit_witness, visit_candidate, visit_proof,
-- check_in_trail, check_in. Lives until the transaction ends.
--
-- A stay is the check-ins in range of the visit's customer that follow one another on one working day with none elsewhere
-- in between, the visit's own among them. One that proves another visit is elsewhere; one without a position is neither.
-- stayed_minutes: from the first of them to the last; null when there is one alone. stayed_at_most_minutes: from the
-- first to the next check-in elsewhere; null when none follows. Whole minutes.
create temporary table visit_stay on commit drop as
with here as (
    select
        w.visit_no,
        w.check_in_no as own_no,
        c.check_in_no,
        c.employee_id,
        c.working_day,
        c.at_s,
        t.next_at_s,
        t.place_no - row_number() over (partition by w.visit_no, c.working_day order by t.place_no) as island
    from visit_witness as w
    join visit_candidate as n on w.visit_no = n.visit_no and n.in_range
    join check_in as c on n.check_in_no = c.check_in_no
    join check_in_trail as t on n.check_in_no = t.check_in_no
    left join visit_proof as p on n.check_in_no = p.check_in_no
    where w.verdict in ('verified', 'off_schedule') and coalesce(p.visit_no = w.visit_no, true)
),

stay as (
    select
        visit_no,
        count(*) as check_ins,
        min(at_s) as first_s,
        max(at_s) as last_s,
        -- of the last; the others' next is within the stay
        case when count(next_at_s) = count(*) then max(next_at_s) end as left_by_s,
        bool_or(check_in_no = own_no) as own
    from here
    group by visit_no, working_day, island
)

select
    visit_no,
    case when check_ins > 1 then floor((last_s - first_s) / 60)::integer end as stayed_minutes,
    floor((left_by_s - first_s) / 60)::integer as stayed_at_most_minutes
from stay
where own
