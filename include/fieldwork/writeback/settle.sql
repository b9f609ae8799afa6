-- What the CRM answered for one batch, into receipts and outbox, in one statement and so in one transaction.
-- Grain: one answer per row sent. Inputs: the arrays outbox_ids, ok, crm_ids, codes, messages, final (equally long);
-- fields: the mapping. Keys: outbox_id; the receipt by system, kind, key.
-- Accepted: the fields that were sent stand in the CRM beside those that stood there; after a deletion none does.
-- Refused: what stood there stands, the refused hash is remembered. Refused but not for good (a lock, an outage): the
-- change waits to be sent again.
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
        state = case when answer.ok then 'sent' when answer.final then 'rejected' else 'pending' end,
        job = case when answer.final then outbox.job end,
        settled_at = case when answer.final then clock_timestamp() end
    from answer
    where outbox.outbox_id = answer.outbox_id
    returning
        outbox.outbox_id, outbox.system, outbox.kind, outbox.key, outbox.payload_hash, outbox.operation = 'delete' as deletes,
        outbox.changes - 'write_key' as changes,
        answer.ok, answer.crm_id, answer.code, answer.message, answer.final
)

insert into ops.receipt as receipt (
    system, kind, key, ok, crm_id, code, message, payload, refused_hash, refused_fields, outbox_id, answered_at
)
select
    system,
    kind,
    key,
    ok,
    crm_id,
    code,
    message,
    case when ok and not deletes then changes end,
    case when not ok then payload_hash end,
    case when not ok then cast(:fields as text) end,
    outbox_id,
    clock_timestamp()
from settled
where final
on conflict (system, kind, key) do update set
    ok = excluded.ok,
    crm_id = case
        when excluded.ok and excluded.payload is null then null
        else coalesce(excluded.crm_id, receipt.crm_id)
    end,
    code = excluded.code,
    message = excluded.message,
    payload = case
        when not excluded.ok then receipt.payload
        when excluded.payload is not null then coalesce(receipt.payload, '{}'::jsonb) || excluded.payload
    end,
    refused_hash = excluded.refused_hash,
    refused_fields = excluded.refused_fields,
    outbox_id = excluded.outbox_id,
    answered_at = excluded.answered_at
