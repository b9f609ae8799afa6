-- The visits to check: not cancelled, not deleted, planned for one of the run's person-days (local date of the start).
-- Grain: (employee_id, visit_id). Inputs: planned_day, core.visit, core.account. Lives until the transaction ends.
--
-- in_time_from and in_time_to bound the check-ins that are in time, both included. The account's place is null where it
-- is unknown; (0, 0) is unknown. visit_no numbers the visits in an order that does not depend on how they were read.
create temporary table visit_plan on commit drop as
select
    row_number() over (order by v.employee_id, v.planned_start, v.visit_id) as visit_no,
    v.employee_id,
    v.visit_id,
    d.work_date,
    v.account_id,
    v.planned_start,
    v.planned_end,
    v.actual_start,
    v.actual_end,
    v.status,
    coalesce(greatest(v.planned_start, v.planned_end), v.planned_start) as ends_at,
    v.planned_start - d.visit_before as in_time_from,
    coalesce(greatest(v.planned_start, v.planned_end), v.planned_start) + d.visit_after as in_time_to,
    d.visit_before,
    d.visit_after,
    case when a.latitude <> 0 or a.longitude <> 0 then a.latitude end as latitude,
    case when a.latitude <> 0 or a.longitude <> 0 then a.longitude end as longitude,
    coalesce(a.radius_m, d.default_radius_m) as radius_m,
    d.accuracy_cap_m,
    d.time_zone,
    d.rule_version
from planned_day as d
join core.visit as v
    on d.employee_id = v.employee_id and v.planned_start >= d.midnight and v.planned_start < d.next_midnight
left join core.account as a on v.account_id = a.account_id
where v.status <> 'cancelled' and not v.deleted
