-- What became of the rows of a run, by stream; touched counts person-days. Grain: (stream, kind of batch). Inputs: ops.batch, :run_id.
select
    stream || case kind when 'extract' then '' else ' (' || kind || ')' end as stream,
    sum(extracted)::bigint as extracted,
    sum(loaded)::bigint as loaded,
    sum(unchanged)::bigint as unchanged,
    sum(quarantined)::bigint as quarantined,
    sum(duplicate)::bigint as duplicate,
    sum(out_of_scope)::bigint as out_of_scope,
    sum(touched)::bigint as touched
from ops.batch
where run_id = :run_id and state = 'closed'
group by stream, kind
order by min(batch_id)
