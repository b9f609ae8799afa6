-- A batch is opened, and the audit log says who is about to send what: so that what was sent can be compared later with
-- what was meant, also when the process dies in between.
-- Grain: one row of ops.audit_log. Inputs: ops.write_batch, ops.outbox. Parameter: batch.
-- The hash is one over hashes of a thousand changes each: a million of them take no more memory than that.
with thousand as (
    select
        outbox_id / 1000 as number,
        sha256(convert_to(string_agg(concat_ws(' ', operation, key, payload_hash), E'\n' order by key), 'UTF8')) as hash
    from ops.outbox
    where write_batch_id = :batch
    group by outbox_id / 1000
)

insert into ops.audit_log (at, who, action, purpose, rows, detail)
select
    clock_timestamp(),
    session_user || ', run ' || run_id,
    'opened a batch for ' || system,
    purpose || coalesce(' of batch ' || undoes, ''),
    records,
    jsonb_build_object(
        'batch', write_batch_id,
        'kind', kind,
        'records', records,
        'sha256', (select encode(sha256(string_agg(hash, ''::bytea order by number)), 'hex') from thousand)
    )
from ops.write_batch
where write_batch_id = :batch
