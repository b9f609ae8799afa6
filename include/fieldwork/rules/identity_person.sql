-- What is known of every person, in the form in which ids are compared: e-mail in lower case, of a mobile number the
-- last 11 digits (country codes are written in many ways).
-- Grain: employee_id. Inputs: core.employee, ref.post, :zone. Lives until the batch is settled.
--
-- last_day: the last day of employment, or the day before a full read first lacked the person. listed: the present read
-- has the person. A person who turned out to be another one (same_as) is left out.
create temporary table person on commit drop as
select
    e.employee_id,
    e.system,
    nullif(btrim(e.employee_no), '') as employee_no,
    nullif(btrim(e.name), '') as name,
    nullif(lower(btrim(e.email)), '') as email,
    nullif(right(regexp_replace(e.mobile, '\D', '', 'g'), 11), '') as mobile,
    e.hired_on,
    case when e.hired_on is not null then least(e.hired_on, earlier.first_day) end as employed_from,
    coalesce(e.left_on, (e.missing_since at time zone :zone)::date - 1) as last_day,
    false as listed
from core.employee as e
left join (
    select employee_id, min(valid_from) as first_day
    from ref.post
    group by employee_id
) as earlier on e.employee_id = earlier.employee_id
where e.same_as is null
