-- One entry per endpoint and run: how many events of which kind are to be sent, and one hash over all of them.
-- Grain: one row of ops.audit_log, none when there is nothing to send. Inputs: ops.webhook_event. Keys: endpoint, run_id.
with going as (
    select kind, webhook_id, payload_hash
    from ops.webhook_event
    where endpoint = :endpoint and run_id = :run_id
),

by_kind as (
    select kind, count(*) as events
    from going
    group by kind
)

insert into ops.audit_log (at, who, action, purpose, rows, detail)
select
    clock_timestamp(),
    session_user || ', run ' || :run_id,
    'send webhooks to ' || :endpoint,
    'Middleware hears what the warehouse published',
    count(*),
    jsonb_build_object(
        'by_kind', (select jsonb_object_agg(kind, events) from by_kind),
        'sha256', encode(
            sha256(convert_to(string_agg(webhook_id || ' ' || payload_hash, E'\n' order by webhook_id), 'UTF8')), 'hex'
        )
    )
from going
having count(*) > 0
