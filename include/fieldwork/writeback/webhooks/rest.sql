-- Seconds until the next event may be sent: the earliest that a person's first event is due, and not while the endpoint
-- rests. No row: nobody waits, or the endpoint is off.
-- Grain: one number. Inputs: ops.webhook_event, ops.webhook_endpoint. Keys: endpoint.
with head as (
    select distinct on (employee_id)
        employee_id,
        due_at
    from ops.webhook_event
    where endpoint = :endpoint and state = 'waiting'
    order by employee_id, event_id
)

select
    extract(
        epoch from greatest(min(coalesce(head.due_at, clock_timestamp())), max(door.paused_until)) - clock_timestamp()
    )
from head
inner join ops.webhook_endpoint as door on door.endpoint = :endpoint and door.state = 'on'
having count(*) > 0
