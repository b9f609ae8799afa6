-- The difference into the outbox, before any call. A change that is pending already stays as it is.
-- Grain: one new row of ops.outbox per record to send. Inputs: pg_temp.difference. Keys: system, kind, key.
insert into ops.outbox (run_id, system, kind, key, payload, payload_hash, state, written_at)
select :run_id, :system, :kind, key, payload, payload_hash, 'pending', clock_timestamp()
from pg_temp.difference
order by key
on conflict (system, kind, key) where (state in ('pending', 'sending')) do nothing
