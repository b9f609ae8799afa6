-- The run's person-days with all that is planned for them and the rules that hold.
-- Grain: (employee_id, work_date), employed days alone: a day before hiring or after leaving has no joined row.
-- Inputs: run_day (the run's build.person_day), ref.planned_shift, ref.rule_version, ref.identity. Lives until the
-- transaction ends. manager: the person whose id the manager's is on the day, unless somebody has said who it is.
create temporary table planned_day on commit drop as
select
    plan.*,
    coalesce(plan.manager_employee_id, boss.employee_id) as manager,
    plan.calendar_kind in ('workday', 'makeup') as working,
    v.visit_before_minutes * interval '1 minute' as visit_before,
    v.visit_after_minutes * interval '1 minute' as visit_after,
    v.default_radius_m,
    v.accuracy_cap_m,
    v.overtime_tolerance_minutes,
    v.company_currency,
    v.weights
from run_day as d
join ref.planned_shift as plan on d.employee_id = plan.employee_id and d.work_date = plan.work_date
join ref.rule_version as v on plan.rule_version = v.version
left join ref.identity as boss
    on plan.system = boss.system and plan.manager_user_id = boss.external_id
    and plan.work_date >= boss.valid_from and plan.work_date < coalesce(boss.valid_to, 'infinity')
where plan.employed
