-- Pending changes of earlier runs that are no longer what is wanted: replaced by a newer payload, or their record is
-- gone from the joined dataset.
-- Grain: one row of ops.outbox. Inputs: ops.outbox, pg_temp.difference. Keys: system, kind, key.
update ops.outbox as pending
set state = 'superseded', settled_at = clock_timestamp()
where
    pending.system = :system
    and pending.kind = :kind
    and pending.state = 'pending'
    and not exists (
        select 1
        from pg_temp.difference
        where difference.key = pending.key and difference.payload_hash = pending.payload_hash
    )
