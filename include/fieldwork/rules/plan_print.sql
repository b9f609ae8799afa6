-- What the build knows of each day of run_day before it looks at facts, as a fingerprint: two that are equal count alike.
-- Grain: (employee_id, work_date). Inputs: run_day, planned_day, ref.shift_day, ref.rule_version, ref.planned_shift.
-- Lives until the transaction ends.
--
-- All of planned_day, the shift's hours and the rules' content; follows alone only on a day off, where a plan that the
-- source states may open it or not (shift_part.sql). Of a day outside employment only its rules count, and hours near
-- midnight: they decide which punches belong to it (uncounted_punch.sql).
create temporary table plan_print on commit drop as
with hours as materialized (
    select s.shift, s.work_date, s.half, md5(s::text) as content
    from ref.shift_day as s
    where s.work_date >= (select min(work_date) from run_day)
),

rules as materialized (
    select v.version, md5((to_jsonb(v) - '{valid_from,valid_to}'::text[])::text) as content
    from ref.rule_version as v
)

select
    p.employee_id,
    p.work_date,
    p.time_zone,
    p.midnight,
    p.next_midnight,
    p.day_margin,
    p.starts_at,
    p.ends_at,
    p.earliest_ends_at,
    md5(concat_ws('|',
        (to_jsonb(p) - 'follows')::text,
        case when not p.working
            then p.follows = 'nothing' or p.follows = 'holidays' and p.calendar_kind <> 'holiday' end,
        hours.content,
        rules.content
    )) as content
from planned_day as p
join rules on p.rule_version = rules.version
left join hours on p.shift = hours.shift and p.work_date = hours.work_date and p.half = hours.half
union all
select
    plan.employee_id,
    plan.work_date,
    plan.time_zone,
    plan.midnight,
    plan.next_midnight,
    plan.day_margin,
    plan.starts_at,
    plan.ends_at,
    plan.earliest_ends_at,
    md5(concat_ws('|',
        rules.content,
        case when plan.starts_at - plan.day_margin < plan.midnight then plan.starts_at end,
        case when plan.ends_at + plan.day_margin > plan.next_midnight then plan.ends_at end
    ))
from run_day as d
join ref.planned_shift as plan on d.employee_id = plan.employee_id and d.work_date = plan.work_date
join rules on plan.rule_version = rules.version
where not plan.employed
