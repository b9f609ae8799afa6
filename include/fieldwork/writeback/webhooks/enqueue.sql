-- The staged difference becomes events, before any call.
-- Grain: one new row of ops.webhook_event per record. Inputs: pg_temp.webhook_difference. Keys: event_id.
-- A person's events are numbered in the order of the days that they are about.
insert into ops.webhook_event (
    endpoint, run_id, kind, key, employee_id, work_date, payload, payload_hash, changed, occurred_at, state, written_at
)
select
    :endpoint,
    :run_id,
    :kind,
    key,
    employee_id,
    day,
    payload,
    payload_hash,
    changed,
    occurred_at,
    'waiting',
    clock_timestamp()
from pg_temp.webhook_difference
order by employee_id, day, key
