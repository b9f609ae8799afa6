-- What a run told, or (dry run) would tell, middleware. Grain: endpoint. Inputs: ops.step, :run_id.
select
    endpoint.key as webhook,
    (endpoint.value ->> 'events')::bigint as events,
    (endpoint.value ->> 'delivered')::bigint as delivered,
    nullif((endpoint.value ->> 'dead')::bigint, 0) as dead_letters,
    nullif((endpoint.value ->> 'failed')::bigint, 0) as failed_attempts,
    nullif((endpoint.value ->> 'waiting')::bigint, 0) as waiting
from ops.step as s
cross join lateral jsonb_each(s.result) as endpoint
where s.run_id = :run_id and s.step = 'webhooks' and jsonb_typeof(endpoint.value) = 'object'
order by endpoint.key
