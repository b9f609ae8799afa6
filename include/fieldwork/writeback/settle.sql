-- What the CRM answered for one batch, into receipts and outbox, in one statement and so in one transaction.
-- Grain: one answer per row sent. Inputs: the arrays outbox_ids, ok, crm_ids, codes, messages, final (equally long).
-- Keys: outbox_id; the receipt by system, kind, key.
-- Accepted: the payload is what stands in the CRM. Refused: what stood there stands, the refused hash is remembered.
-- Refused but not for good (a lock, an outage): the change stays pending and only its attempts are counted.
with answer as (
    select *
    from unnest(
        cast(:outbox_ids as bigint[]), cast(:ok as boolean[]), cast(:crm_ids as text[]),
        cast(:codes as text[]), cast(:messages as text[]), cast(:final as boolean[])
    ) as answer (outbox_id, ok, crm_id, code, message, final)
),

settled as (
    update ops.outbox
    set
        attempts = outbox.attempts + 1,
        state = case when answer.ok then 'sent' when answer.final then 'rejected' else outbox.state end,
        settled_at = case when answer.final then clock_timestamp() end
    from answer
    where outbox.outbox_id = answer.outbox_id
    returning
        outbox.outbox_id, outbox.system, outbox.kind, outbox.key, outbox.payload, outbox.payload_hash,
        answer.ok, answer.crm_id, answer.code, answer.message, answer.final
)

insert into ops.receipt as receipt (
    system, kind, key, ok, crm_id, code, message, payload, payload_hash, refused_hash, outbox_id, answered_at
)
select
    system,
    kind,
    key,
    ok,
    crm_id,
    code,
    message,
    case when ok then payload end,
    case when ok then payload_hash end,
    case when not ok then payload_hash end,
    outbox_id,
    clock_timestamp()
from settled
where final
on conflict (system, kind, key) do update set
    ok = excluded.ok,
    crm_id = coalesce(excluded.crm_id, receipt.crm_id),
    code = excluded.code,
    message = excluded.message,
    payload = coalesce(excluded.payload, receipt.payload),
    payload_hash = coalesce(excluded.payload_hash, receipt.payload_hash),
    refused_hash = excluded.refused_hash,
    outbox_id = excluded.outbox_id,
    answered_at = excluded.answered_at
