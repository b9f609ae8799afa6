-- Punches that count nowhere, because they belong to a day before hiring or after leaving: they are named, not dropped.
-- Grain: (run_id, employee_id, record_id). Inputs: off_day, day_punch; :run_id. Key: as the grain.
insert into build.uncounted_punch (
    run_id, employee_id, record_id, work_date, punched_at, kind, reason, rule_version
)
select :run_id, p.employee_id, p.record_id, p.working_day, p.punched_at, p.kind, off.reason, off.rule_version
from off_day as off
join day_punch as p on off.employee_id = p.employee_id and off.work_date = p.working_day
