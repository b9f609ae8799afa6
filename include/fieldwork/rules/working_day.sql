-- The working day of each punch.
-- Grain: the rows of incoming_punch, with working_day added. Inputs: incoming_punch (employee_id, punched_at, kind,
-- work_date and base_at as the source states them, and any other columns), ref.planned_shift, ref.shift_day. Keys: none
-- of its own.
--
-- A working day that the source states holds, if it lies within a day of the punch; else, on the same condition, the day
-- on which the shift starts that the source compares the punch with: the date of an in's base_at, and of an out's the
-- start date of the shift that ends then (the person's own shift before others). Else the punch belongs to the day in
-- which it falls, and a day begins at local midnight; only where that midnight lies within the margin (4 hours) after
-- the end of the shift before or ahead of the start of the shift to come, it begins halfway between the two; beside a day
-- of rest by the roster, at the margin. Where no shift is known (a year without calendar, nobody's punch) the local date
-- is the working day.
with dated as (
    select
        p.*,
        (p.punched_at at time zone v.time_zone)::date as local_date,
        (p.base_at at time zone v.time_zone)::date as base_date
    from incoming_punch as p
    join ref.rule_version as v
        on (p.punched_at at time zone 'UTC')::date >= v.valid_from
        and (p.punched_at at time zone 'UTC')::date < coalesce(v.valid_to, 'infinity')
),

planned_end as (
    select distinct employee_id, base_at, base_date
    from dated
    where kind = 'out' and base_at is not null and (work_date is null or abs(work_date - local_date) > 1)
),

ended as (
    select distinct on (p.employee_id, p.base_at) p.employee_id, p.base_at, s.work_date
    from planned_end as p
    join ref.shift_day as s
        on s.work_date between p.base_date - 1 and p.base_date and p.base_at = s.earliest_ends_at
    left join ref.planned_shift as own
        on p.employee_id = own.employee_id and s.work_date = own.work_date and s.shift = own.shift
    order by p.employee_id, p.base_at, own.shift is null, s.shift
),

placed as (
    select
        d.*,
        case
            when abs(d.work_date - d.local_date) <= 1 then d.work_date
            when d.kind = 'in' and abs(d.base_date - d.local_date) <= 1 then d.base_date
            when d.kind = 'out' and abs(e.work_date - d.local_date) <= 1 then e.work_date
        end as stated_date
    from dated as d
    left join ended as e on d.kind = 'out' and d.employee_id = e.employee_id and d.base_at = e.base_at
),

asked as (
    select distinct placed.employee_id, placed.local_date + near.days as work_date
    from placed
    cross join (values (-1), (0), (1)) as near (days)
    where placed.stated_date is null
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
                then coalesce(
                    ended_before + (starts_at - ended_before) / 2, ended_before + day_margin, starts_at - day_margin
                )
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
        when placed.stated_date is not null then placed.stated_date
        when placed.punched_at < bounded.begins_at then placed.local_date - 1
        when placed.punched_at >= bounded.next_begins_at then placed.local_date + 1
        else placed.local_date
    end as working_day
from placed
left join bounded
    on placed.employee_id = bounded.employee_id and placed.local_date = bounded.work_date
