-- Seconds that each step of a run took, in order. Grain: step. Inputs: ops.step, :run_id.
select
    step,
    state,
    round(extract(epoch from finished_at - started_at), 2)::double precision as seconds
from ops.step
where run_id = :run_id
order by started_at
