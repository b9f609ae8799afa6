-- The working day of each punch.
-- Grain: the rows of incoming_punch, with working_day added. Inputs: incoming_punch (employee_id, punched_at, work_date
-- as the source states it, and any other columns), ref.planned_shift. Keys: none of its own.
--
-- A working day that the source states holds, if it lies within a day of the punch. Else the punch belongs to the day
-- in which it falls, and a day begins at local midnight; only where that midnight lies within the margin (4 hours) after
-- the end of the shift before or ahead of the start of the shift to come, it begins halfway between the two. Where no
-- shift is known (a year without calendar, nobody's punch) the local date is the working day.
with placed as (
    select
        p.*,
        (p.punched_at at time zone v.time_zone)::date as local_date
    from incoming_punch as p
    join ref.rule_version as v
        on (p.punched_at at time zone 'UTC')::date >= v.valid_from
        and (p.punched_at at time zone 'UTC')::date < coalesce(v.valid_to, 'infinity')
),

asked as (
    select distinct placed.employee_id, placed.local_date + near.days as work_date
    from placed
    cross join (values (-1), (0), (1)) as near (days)
    where placed.work_date is null or abs(placed.work_date - placed.local_date) > 1
),

planned as (
    select
        asked.employee_id,
        asked.work_date,
        plan.midnight,
        plan.starts_at,
        plan.day_margin,
        lag(plan.ends_at) over (partition by asked.employee_id order by asked.work_date) as ended_before
    from asked
    join ref.planned_shift as plan on asked.employee_id = plan.employee_id and asked.work_date = plan.work_date
),

begun as (
    select
        employee_id,
        work_date,
        case
            when ended_before + day_margin > midnight or starts_at - day_margin < midnight
                then coalesce(ended_before + (starts_at - ended_before) / 2, midnight)
            else midnight
        end as begins_at
    from planned
),

bounded as (
    select
        employee_id,
        work_date,
        begins_at,
        lead(begins_at) over (partition by employee_id order by work_date) as next_begins_at
    from begun
)

select
    placed.*,
    case
        when abs(placed.work_date - placed.local_date) <= 1 then placed.work_date
        when placed.punched_at < bounded.begins_at then placed.local_date - 1
        when placed.punched_at >= bounded.next_begins_at then placed.local_date + 1
        else placed.local_date
    end as working_day
from placed
left join bounded
    on placed.employee_id = bounded.employee_id and placed.local_date = bounded.work_date
