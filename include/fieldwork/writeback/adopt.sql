-- Changes of earlier runs that are still wanted as they stand belong to this batch from now on: those that wait, and
-- those that people's edits held back, for the conflict may be over.
-- Grain: one row of ops.outbox. Inputs: ops.outbox, pg_temp.difference. Parameters: system, kind, run_id, batch.
update ops.outbox as waiting
set
    state = 'pending',
    write_batch_id = :batch,
    run_id = :run_id,
    correction = difference.correction,
    rank = case when difference.correction then 0 else 100000000 end
        + 99999999 - to_char(difference.day, 'YYYYMMDD')::integer,
    settled_at = null
from pg_temp.difference
where
    waiting.system = :system
    and waiting.kind = :kind
    and waiting.undoes is null
    and waiting.state in ('pending', 'kept')
    and waiting.key = difference.key
    and waiting.payload_hash = difference.payload_hash
