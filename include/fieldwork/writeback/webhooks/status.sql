-- How it stands with every endpoint that was ever used.
-- Grain and key: one row per endpoint. Inputs: ops.webhook_endpoint, ops.webhook_event.
with counted as (
    select
        endpoint,
        count(*) filter (where state = 'waiting') as waiting,
        min(written_at) filter (where state = 'waiting') as oldest,
        count(*) filter (where state = 'delivered') as delivered,
        count(*) filter (where state = 'dead') as dead
    from ops.webhook_event
    group by endpoint
)

select
    door.endpoint,
    case
        when door.state = 'on' and door.paused_until > clock_timestamp()
            then 'rests until ' || to_char(door.paused_until at time zone 'UTC', 'MM-DD HH24:MI') || ' UTC'
        else door.state
    end as state,
    door.since,
    coalesce(counted.waiting, 0) as waiting,
    counted.oldest,
    coalesce(counted.delivered, 0) as delivered,
    coalesce(counted.dead, 0) as dead,
    door.delivered_at,
    door.problem
from ops.webhook_endpoint as door
left join counted on door.endpoint = counted.endpoint
order by door.endpoint
