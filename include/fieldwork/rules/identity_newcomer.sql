-- One round of finding out who the newcomers are: for each employee number the first of them, and all without a number.
-- Grain: (user_id, employee_no). Inputs: claim, person, ref.identity, :system, :today. Key: seq.
--
-- Somebody who has, or had, the number is the newcomer when the mobile number or e-mail is the same; when no other
-- account of theirs is at work then, the name is the same and nothing to compare differs; and when all that another
-- system knows of them is the number. Exactly one such person: the newcomer is that person again (rule employee_no).
-- Else the newcomer is somebody new, with the number as the id if it is free; where it might have been somebody known
-- the question is noted.
with first as (
    select distinct on (employee_no, case when employee_no is null then user_id end)
        user_id, employee_no, name, email, mobile, hired_on, left_on, was, since, day
    from claim
    where state = 'new'
    order by employee_no, case when employee_no is null then user_id end, hired_on nulls first, user_id, seq
),

holder as (
    select
        f.user_id,
        f.employee_no,
        p.employee_id,
        p.system = :system as same_system,
        (p.listed or p.last_day is not null)
        and coalesce(p.last_day, 'infinity') >= coalesce(f.hired_on, cast(:today as date))
        and coalesce(f.left_on, 'infinity') >= coalesce(p.employed_from, '-infinity') as at_work,
        coalesce(f.mobile = p.mobile, false) or coalesce(f.email = p.email, false) as contact_same,
        coalesce(f.mobile <> p.mobile, false) or coalesce(f.email <> p.email, false) as contact_differs,
        coalesce(f.name = p.name, false) as name_same,
        coalesce(f.name <> p.name, false) as name_differs
    from first as f
    join person as p on f.employee_no = coalesce(p.employee_no, p.employee_id)
    where p.employee_id is distinct from f.was
),

judged as (
    select
        *,
        case
            when contact_same then 'same'
            when at_work and same_system then 'other'
            when contact_differs then case when name_same then 'perhaps' else 'other' end
            when name_same then 'same'
            when name_differs then case when same_system then 'other' else 'perhaps' end
            when same_system then 'perhaps'
            else 'same'
        end as verdict
    from holder
),

choice as (
    select
        user_id,
        employee_no,
        case when count(*) filter (where verdict = 'same') = 1 then min(employee_id) filter (where verdict = 'same') end
            as employee_id,
        array_agg(employee_id order by employee_id) filter (where verdict <> 'other') as candidates
    from judged
    group by user_id, employee_no
),

taken as (
    -- a link made by hand may name somebody who has yet to come
    select employee_id from ref.identity where employee_id is not null and rule not in ('manual', 'file')
    union
    select employee_id from core.employee
    union
    select employee_id from person
),

decided as (
    select
        f.*,
        choice.employee_id is null as is_new,
        case when choice.employee_id is null then choice.candidates end as candidates,
        case
            when choice.employee_id is not null then choice.employee_id
            when f.employee_no is not null and by_number.employee_id is null then f.employee_no
            when by_user.employee_id is null then :system || ':' || f.user_id
            else :system || ':' || f.user_id || ':' || coalesce(f.since, f.hired_on, f.day)
        end as found_id
    from first as f
    left join choice on f.user_id = choice.user_id and f.employee_no = choice.employee_no
    left join taken as by_number on f.employee_no = by_number.employee_id
    left join taken as by_user on by_user.employee_id = :system || ':' || f.user_id
),

told as (
    update claim as c
    set
        state = 'found',
        employee_id = d.found_id,
        rule = case when d.is_new then 'source' else 'employee_no' end,
        reason = case when d.candidates is not null then 'maybe_rehired' end,
        candidates = d.candidates
    from decided as d
    where c.state = 'new' and c.user_id = d.user_id and c.employee_no is not distinct from d.employee_no
),

seen as (
    update person as p
    set listed = true
    from decided as d
    where p.employee_id = d.found_id and not d.is_new
)

insert into person (
    employee_id, system, employee_no, name, email, mobile, hired_on, employed_from, last_day, listed
)
select found_id, :system, employee_no, name, email, mobile, hired_on, hired_on as employed_from, left_on, true
from decided
where is_new
