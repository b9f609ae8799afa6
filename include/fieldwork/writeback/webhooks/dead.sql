-- Dead letters, the newest first, and whether a later event about the same record has gone or waits.
-- Grain and key: one row per event. Inputs: ops.webhook_event. Parameters: endpoint (null = all), limit.
select
    event.event_id,
    event.endpoint,
    event.webhook_id,
    event.kind,
    event.key,
    event.work_date,
    event.attempts,
    event.status,
    event.problem,
    event.settled_at,
    exists(
        select 1
        from ops.webhook_event as later
        where
            later.endpoint = event.endpoint
            and later.kind = event.kind
            and later.key = event.key
            and later.event_id > event.event_id
            and later.state <> 'dead'
    ) as overtaken
from ops.webhook_event as event
where event.state = 'dead' and (cast(:endpoint as text) is null or event.endpoint = :endpoint)
order by event.event_id desc
limit :limit
