-- Note the touched person-days; a day touched again gets a later place in line, so that a publish that had not seen
-- this touch does not clear it. Grain: (employee_id, work_date). Inputs: touch, :reason.
insert into ops.touched (employee_id, work_date, seq, reason, noted_at)
select t.employee_id, t.work_date, nextval('ops.touch_seq'), :reason, now()
from (select distinct employee_id, work_date from touch where employee_id is not null) as t
order by t.employee_id, t.work_date
on conflict (employee_id, work_date) do update
    set seq = excluded.seq, reason = excluded.reason, noted_at = excluded.noted_at
