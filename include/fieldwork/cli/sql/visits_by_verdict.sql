-- Visits of a run's days by verdict, as published. Grain: verdict. Inputs: mart.visit_check, ops.run, :run_id.
select
    v.verdict,
    count(*) as visits,
    round(100.0 * count(*) / sum(count(*)) over (), 1)::double precision as percent
from mart.visit_check as v
join ops.run as r on v.work_date >= r.since and v.work_date < r.until
where r.run_id = :run_id
group by v.verdict
order by count(*) desc, v.verdict
