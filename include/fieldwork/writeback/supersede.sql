-- Changes that wait, or that people's edits held back, and that are no longer what is wanted: replaced by a newer
-- payload, or their record is gone from the joined dataset. An undo that was ordered is not taken back by a run.
-- Grain: one row of ops.outbox. Inputs: ops.outbox, pg_temp.wanted, pg_temp.difference. Parameters: system, kind.
update ops.outbox as waiting
set state = 'superseded', settled_at = clock_timestamp()
where
    waiting.system = :system
    and waiting.kind = :kind
    and waiting.undoes is null
    and (
        waiting.state = 'pending'
        or (waiting.state = 'kept' and exists (select from pg_temp.wanted where wanted.key = waiting.key))
    )
    and not exists (
        select from pg_temp.difference
        where difference.key = waiting.key and difference.payload_hash = waiting.payload_hash
    )
