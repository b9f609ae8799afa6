-- Dead letters go back in line, under the number and name that they had, before their person's later events.
-- Grain: one row: how many went back, how many were left out. Inputs: ops.webhook_event. Keys: endpoint, event_id.
-- ids: these events, delivered ones too; null: all dead letters. Left out are events that were overtaken (a later one
-- about the same record was delivered or waits), unless overtaken is true.
with asked as (
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
        event.endpoint = :endpoint
        and event.payload is not null -- null: its content was forgotten
        and (
            (cast(:ids as bigint[]) is null and event.state = 'dead')
            or (event.event_id = any(cast(:ids as bigint[])) and event.state <> 'waiting')
        )
),

again as (
    update ops.webhook_event as event
    set
        state = 'waiting',
        failures = 0,
        due_at = null,
        settled_at = null,
        replays = event.replays + 1
    from asked
    where asked.event_id = event.event_id and (:overtaken or not asked.is_overtaken)
    returning event.event_id
)

select
    (select count(*) from again) as again,
    (select count(*) from asked) - (select count(*) from again) as left_out
