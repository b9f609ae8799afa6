-- The last comparison of each stream with its source. Grain: stream. Inputs: ops.step, ops.reconcile_finding.
with latest as (
    select distinct on (step)
        split_part(step, ':', 2) as stream,
        finished_at,
        result
    from ops.step
    where step like 'reconcile:%' and state = 'done' and result ? 'source_rows'
    order by step asc, finished_at desc
),

open_finding as (
    select stream, count(*) as findings
    from ops.reconcile_finding
    where status = 'open'
    group by stream
)

select
    l.stream,
    l.finished_at,
    (l.result ->> 'source_rows')::bigint as source_rows,
    (l.result ->> 'warehouse_rows')::bigint as warehouse_rows,
    coalesce(f.findings, 0) as findings
from latest as l
left join open_finding as f on l.stream = f.stream
order by l.stream
