-- What a run compared, by stream. Grain: stream. Inputs: ops.step, :run_id.
select
    split_part(step, ':', 2) as stream,
    (result ->> 'days')::bigint as days,
    (result ->> 'source_rows')::bigint as in_the_source,
    (result ->> 'warehouse_rows')::bigint as in_the_warehouse,
    (result ->> 'set_aside')::bigint as in_quarantine,
    (result ->> 'later')::bigint as came_later,
    coalesce(
        result ->> 'skipped',
        (select string_agg(f.value || ' ' || f.key, ', ' order by f.key) from jsonb_each_text(result -> 'findings') as f),
        'none'
    ) as findings
from ops.step
where run_id = :run_id and step like 'reconcile:%'
order by started_at
