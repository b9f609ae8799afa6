-- One entry per write-back run, in the transaction that fills the outbox: who sends how many records of which kind,
-- and one hash over all of them, so that what was sent can be compared later with what stands in the outbox.
-- Grain: one row of ops.audit_log. Inputs: the pending rows of ops.outbox. Keys: system, kinds.
with going as (
    select kind, key, payload_hash
    from ops.outbox
    where system = :system and state = 'pending' and kind = any(cast(:kinds as text[]))
),

by_kind as (
    select kind, count(*) as records
    from going
    group by kind
)

insert into ops.audit_log (at, who, action, purpose, rows, detail)
select
    clock_timestamp(),
    session_user || ', run ' || :run_id,
    'write back to ' || :system,
    'The CRM shows what the warehouse published',
    (select count(*) from going),
    jsonb_build_object(
        'by_kind', (select coalesce(jsonb_object_agg(kind, records), '{}'::jsonb) from by_kind),
        'sha256', (
            select encode(
                sha256(
                    convert_to(
                        coalesce(string_agg(concat_ws(' ', kind, key, payload_hash), E'\n' order by kind, key), ''),
                        'UTF8'
                    )
                ),
                'hex'
            )
            from going
        )
    )
