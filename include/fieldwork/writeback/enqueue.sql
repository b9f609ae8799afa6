-- The difference into the outbox, before any call. A change that waits already stays as it is; a key that the
-- difference names twice is taken once.
-- Grain: one new row of ops.outbox per record to send. Inputs: pg_temp.difference. Parameters: system, kind, run_id,
-- batch. rank: corrections first, then the newest days.
insert into ops.outbox (
    run_id, write_batch_id, system, kind, key, employee_id, day, payload, payload_hash, correction, rank, state,
    written_at
)
select
    :run_id,
    :batch,
    :system,
    :kind,
    key,
    employee_id,
    day,
    payload,
    payload_hash,
    correction,
    case when correction then 0 else 100000000 end + 99999999 - to_char(day, 'YYYYMMDD')::integer,
    'pending',
    clock_timestamp()
from pg_temp.difference
order by key
on conflict (system, kind, key) where (state in ('pending', 'sending')) do nothing
