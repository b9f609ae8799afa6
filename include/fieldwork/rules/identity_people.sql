-- A person for every newcomer of the attendance system.
-- Grain: one link per (system, user_id). Inputs: newcomer (user_id, employee_no, hired_on), :system, :beginning.
-- The employee number is the person's id unless somebody has it already (a number taken over from a leaver) or several
-- newcomers claim it: the first hired keeps it, the others are known by their user id.
with claim as (
    select distinct on (user_id)
        user_id,
        nullif(btrim(employee_no), '') as employee_no,
        hired_on
    from newcomer
    where user_id is not null
    order by user_id, hired_on nulls last
),

turn as (
    select
        user_id,
        employee_no,
        row_number() over (partition by employee_no order by hired_on nulls first, user_id) as place_in_line
    from claim
)

insert into ref.identity (system, external_id, valid_from, valid_to, employee_id, rule, linked_at)
select
    :system,
    t.user_id,
    cast(:beginning as date),
    null,
    case
        when t.employee_no is not null and t.place_in_line = 1 and taken.employee_id is null then t.employee_no
        else :system || ':' || t.user_id
    end,
    'source',
    now()
from turn as t
left join (select distinct employee_id from ref.identity) as taken on t.employee_no = taken.employee_id
on conflict do nothing
