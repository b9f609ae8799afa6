-- What was settled more than :keep_days days ago and is needed no more is forgotten, for every endpoint ever used.
-- Grain: rows of ops.webhook_event, deleted or emptied. Inputs: ops.webhook_event. Keys: event_id.
-- Deleted: events that a later one about the same record has overtaken. The last one of a record stays, because what is
-- published is compared with its hash; delivered, it loses its content. A dead letter keeps it: it may be replayed.
with old as (
    select
        event.event_id,
        exists(
            select 1
            from ops.webhook_event as later
            where
                later.endpoint = event.endpoint
                and later.kind = event.kind
                and later.key = event.key
                and later.event_id > event.event_id
                and later.state <> 'dead'
        ) as is_overtaken
    from ops.webhook_event as event
    where
        event.state <> 'waiting'
        and event.settled_at < clock_timestamp() - make_interval(days => cast(:keep_days as integer))
),

deleted as (
    delete from ops.webhook_event as event
    using old
    where event.event_id = old.event_id and old.is_overtaken and event.state <> 'waiting'
)

update ops.webhook_event as event
set payload = null
from old
where
    event.event_id = old.event_id
    and not old.is_overtaken
    and event.state = 'delivered' -- still: a replay may have come in between
    and event.payload is not null
