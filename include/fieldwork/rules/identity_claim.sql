-- What the rows of this read say about the people behind their ids, and who is found for each.
-- Grain: seq (a staged row of employees). Inputs: staging.batch (stands for the batch's table), :today.
-- Lives until the batch is settled.
--
-- day: the day on which the row describes the owner of the id. state: new; known (the id's link says who); found (by
-- number, or as somebody new); held. A number that one of several copies of a row lacks is that of the others.
create temporary table claim on commit drop as
select
    seq,
    user_id,
    coalesce(nullif(btrim(employee_no), ''), max(nullif(btrim(employee_no), '')) over (partition by user_id))
        as employee_no,
    nullif(btrim(name), '') as name,
    nullif(lower(btrim(email)), '') as email,
    nullif(right(regexp_replace(mobile, '\D', '', 'g'), 11), '') as mobile,
    hired_on,
    left_on,
    case
        when left_on < cast(:today as date) then left_on
        when hired_on > cast(:today as date) then hired_on
        else cast(:today as date)
    end as day,
    'new' as state,
    cast(null as text) as employee_id,
    cast(null as text) as rule,
    cast(null as date) as since,
    cast(null as text) as was,
    cast(null as text) as reason,
    cast(null as text[]) as candidates
from staging.batch
where user_id is not null
