-- What a comparison found and what is open still. Grain: finding. Inputs: ops.reconcile_finding, ops.run, :run_id.
select
    f.stream,
    f.kind,
    f.key,
    f.day,
    f.seen,
    to_char(f.found_at, 'YYYY-MM-DD HH24:MI') as first_found
from ops.reconcile_finding as f
join ops.run as r on f.seen_at >= r.started_at
where r.run_id = :run_id and f.status = 'open'
order by f.stream, f.day, f.kind, f.key
