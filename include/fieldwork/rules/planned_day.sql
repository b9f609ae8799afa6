-- The run's person-days with all that is planned for them and the rules that hold.
-- Grain: (employee_id, work_date), employed days alone: a day before hiring or after leaving has no joined row.
-- Inputs: run_day (the run's build.person_day), ref.planned_shift, ref.hours, ref.rule_version, ref.identity. Lives until
-- the transaction ends. The hours of the shift are null on a day of rest by the roster. manager: the person whose id the
-- manager's is on the day, unless somebody has said who it is.
create temporary table planned_day on commit drop as
select
    plan.employee_id,
    plan.work_date,
    plan.team,
    coalesce(plan.manager_employee_id, boss.employee_id) as manager,
    plan.calendar_kind,
    plan.rule_version,
    plan.time_zone,
    plan.midnight,
    plan.next_midnight,
    plan.day_margin,
    plan.shift,
    plan.follows,
    plan.working,
    plan.half,
    plan.shift_kind,
    plan.starts_at,
    plan.ends_at,
    plan.earliest_ends_at,
    v.visit_before_minutes * interval '1 minute' as visit_before,
    v.visit_after_minutes * interval '1 minute' as visit_after,
    v.default_radius_m,
    v.accuracy_cap_m,
    v.overtime_tolerance_minutes,
    v.long_span_minutes * interval '1 minute' as long_span,
    v.leave_joins_break,
    v.company_currency,
    v.weights,
    coalesce(own.system, team.system, company.system, 'standard') as hours_system,
    -- what belongs to one entry comes from one entry
    case
        when own.system is not null then own.settlement
        when team.system is not null then team.settlement
        else company.settlement
    end as settlement,
    case
        when own.system is not null then own.day_minutes
        when team.system is not null then team.day_minutes
        else company.day_minutes
    end as day_minutes
from run_day as d
join ref.planned_shift as plan on d.employee_id = plan.employee_id and d.work_date = plan.work_date
join ref.rule_version as v on plan.rule_version = v.version
left join ref.hours as own
    on own.scope = 'employee' and plan.employee_id = own.subject
    and plan.work_date >= own.valid_from and plan.work_date < coalesce(own.valid_to, 'infinity')
left join ref.hours as team
    on team.scope = 'team' and plan.team = team.subject
    and plan.work_date >= team.valid_from and plan.work_date < coalesce(team.valid_to, 'infinity')
left join ref.hours as company
    on company.scope = 'company'
    and plan.work_date >= company.valid_from and plan.work_date < coalesce(company.valid_to, 'infinity')
left join ref.identity as boss
    on plan.system = boss.system and plan.manager_user_id = boss.external_id
    and plan.work_date >= boss.valid_from and plan.work_date < coalesce(boss.valid_to, 'infinity')
where plan.employed
