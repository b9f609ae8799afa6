-- What the joined dataset says about the run's days, as published now. Grain: (what, name).
-- Inputs: mart.attendance_day, mart.visit_check, ops.run; :run_id.
select
    'attendance' as what,
    a.status as name,
    count(*) as "rows"
from mart.attendance_day as a
join ops.run as r on a.work_date >= r.since and a.work_date < r.until
where r.run_id = :run_id
group by a.status
union all
select
    'visits',
    v.verdict,
    count(*)
from mart.visit_check as v
join ops.run as r on v.work_date >= r.since and v.work_date < r.until
where r.run_id = :run_id
group by v.verdict
order by what asc, "rows" desc, name asc
