-- Punches whose working day the source states, where the roster may say another one: their date differs from it, or a day
-- of the person near it does not begin at midnight (working_day.sql). Of all others both agree.
-- Grain: (employee_id, record_id). Inputs: day_punch, planned_day. What the source states is hidden but for stated_day.
with near_midnight as (
    select distinct planned_day.employee_id, planned_day.work_date + near.days as local_date
    from planned_day
    cross join (values (-1), (0), (1)) as near (days)
    where
        planned_day.ends_at + planned_day.day_margin > planned_day.next_midnight
        or planned_day.starts_at - planned_day.day_margin < planned_day.midnight
)

select
    p.employee_id,
    p.punched_at,
    p.kind,
    p.stated_date as stated_day,
    null::date as work_date,
    null::timestamptz as base_at
from day_punch as p
left join near_midnight as near on p.employee_id = near.employee_id and p.local_date = near.local_date
where p.stated_date is not null and (p.stated_date <> p.local_date or near.employee_id is not null)
