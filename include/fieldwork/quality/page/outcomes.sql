-- What became of the rows of a run. Grain: (stream, kind of batch). Inputs: ops.batch; :run_id.
select
    stream,
    kind,
    min(system) as system,
    bool_and(state = 'closed') as closed,
    sum(extracted)::bigint as extracted,
    sum(loaded)::bigint as loaded,
    sum(unchanged)::bigint as unchanged,
    sum(quarantined)::bigint as quarantined,
    sum(duplicate)::bigint as duplicate,
    sum(out_of_scope)::bigint as out_of_scope,
    sum(touched)::bigint as touched
from ops.batch
where run_id = :run_id and kind <> 'reconcile' and state <> 'abandoned'
group by stream, kind
order by stream, kind
