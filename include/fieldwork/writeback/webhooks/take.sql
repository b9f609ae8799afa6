-- The waiting events of people whose turn it is: their first one is due, and the endpoint is on and not resting.
-- Grain: one row per event, each person's in order. Inputs: ops.webhook_event, ops.webhook_endpoint.
-- Keys: endpoint, event_id. At most :people people and :events events; what is cut off comes with the next call.
with head as (
    select distinct on (employee_id)
        employee_id,
        due_at
    from ops.webhook_event
    where endpoint = :endpoint and state = 'waiting'
    order by employee_id, event_id
),

ready as (
    select employee_id
    from head
    where
        coalesce(due_at <= clock_timestamp(), true)
        and exists (
            select 1
            from ops.webhook_endpoint as door
            where
                door.endpoint = :endpoint
                and door.state = 'on'
                and coalesce(door.paused_until <= clock_timestamp(), true)
        )
    order by due_at nulls first, employee_id
    limit :people
)

select
    event.event_id,
    event.webhook_id,
    event.kind,
    event.key,
    event.employee_id,
    event.payload,
    event.changed,
    event.occurred_at,
    event.failures
from ops.webhook_event as event
inner join ready on event.employee_id = ready.employee_id
where event.endpoint = :endpoint and event.state = 'waiting'
order by event.employee_id, event.event_id
limit :events
