-- Person-days that a leave, trip or outing overlaps, before and after its change; a night shift belongs to the day
-- before its end. Grain: (employee_id, work_date). Input: delta, both sides.
insert into touch (employee_id, work_date)
select d.employee_id, day::date
from delta as d
cross join lateral generate_series(
    (d.start_at at time zone :zone)::date - 1,
    (d.end_at at time zone :zone)::date,
    interval '1 day'
) as day
where d.kind <> 'overtime'
