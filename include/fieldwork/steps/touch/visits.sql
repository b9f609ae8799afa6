-- Days of visits that are new, edited, moved or deleted: where they were and where they are. A visit that counts neither
-- before nor after its change (cancelled, deleted, without a plan) touches nothing.
-- Grain: (employee_id, work_date). Inputs: delta, both sides; ref.rule_version.
insert into touch (employee_id, work_date)
select d.employee_id, (d.planned_start at time zone v.time_zone)::date
from delta as d
join ref.rule_version as v
    on (d.planned_start at time zone 'UTC')::date >= v.valid_from
    and (d.planned_start at time zone 'UTC')::date < coalesce(v.valid_to, 'infinity')
where d.status <> 'cancelled' and d.deleted is not true
