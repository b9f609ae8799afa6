-- The run's person-days outside employment: punches that belong to them count nowhere.
-- Grain: (employee_id, work_date). Inputs: run_day, planned_day, ref.rostered, core.employee, ref.post. Lives until the
-- transaction ends. Between two employments is after leaving.
create temporary table off_day on commit drop as
with off as materialized (
    select d.employee_id, d.work_date
    from run_day as d
    left join planned_day as p on d.employee_id = p.employee_id and d.work_date = p.work_date
    where p.employee_id is null
)

select
    off.employee_id,
    off.work_date,
    plan.midnight,
    plan.next_midnight,
    plan.rule_version,
    case when off.work_date < least(e.hired_on, earlier.hired_on) then 'before_hire' else 'after_leaving' end as reason
from off
join ref.rostered as plan on off.employee_id = plan.employee_id and off.work_date = plan.work_date
join core.employee as e on off.employee_id = e.employee_id
left join (
    select employee_id, min(valid_from) as hired_on
    from ref.post
    group by employee_id
) as earlier on off.employee_id = earlier.employee_id
