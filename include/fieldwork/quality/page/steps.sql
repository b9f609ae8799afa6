-- When each step of a run began and how long it took. Grain: step. Inputs: ops.step; :run_id.
select
    step,
    state,
    extract(epoch from started_at - min(started_at) over ())::double precision as after_seconds,
    coalesce(extract(epoch from finished_at - started_at), 0)::double precision as seconds,
    result
from ops.step
where run_id = :run_id
order by started_at, step
