-- A batch is closed: what became of its changes, one hash over what was sent, and a line in the audit log.
-- Grain: one row of ops.write_batch and one of ops.audit_log. Inputs: ops.outbox, ops.write_batch, ops.conflict.
-- Parameters: batch, calls.
with thousand as (
    select
        outbox_id / 1000 as number,
        sha256(convert_to(string_agg(concat_ws(' ', operation, key, changes::text), E'\n' order by key), 'UTF8')) as hash
    from ops.outbox
    where write_batch_id = :batch and state = 'sent'
    group by outbox_id / 1000
),

outcome as (
    select
        count(*) filter (where state = 'sent') as accepted,
        count(*) filter (where state = 'sent' and operation = 'upsert' and not existed) as created,
        count(*) filter (where state = 'sent' and operation = 'delete') as deleted,
        count(*) filter (where state = 'rejected') as rejected,
        count(*) filter (where state = 'same') as same,
        count(*) filter (where state = 'kept') as kept,
        count(*) filter (where state = 'gone') as gone,
        count(*) filter (where state in ('pending', 'sending')) as waiting,
        (select count(*) from ops.conflict where write_batch_id = :batch and state = 'open') as conflicts
    from ops.outbox
    where write_batch_id = :batch
),

closed as (
    update ops.write_batch as batch
    set
        state = 'closed',
        closed_at = clock_timestamp(),
        used_calls = batch.used_calls + :calls,
        sha256 = (select encode(sha256(string_agg(hash, ''::bytea order by number)), 'hex') from thousand),
        result = to_jsonb(outcome)
    from outcome
    where batch.write_batch_id = :batch
    returning batch.*
)

insert into ops.audit_log (at, who, action, purpose, rows, detail)
select
    closed_at,
    session_user || ', run ' || run_id,
    'wrote to ' || system,
    purpose || coalesce(' of batch ' || undoes, ''),
    (result ->> 'accepted')::bigint,
    result || jsonb_build_object('batch', write_batch_id, 'kind', kind, 'calls', used_calls, 'sha256', sha256)
from closed
