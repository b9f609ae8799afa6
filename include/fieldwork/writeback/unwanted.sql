-- Conflicts over records that the joined dataset has no more are over.
-- Grain: one row of ops.conflict. Inputs: ops.conflict, pg_temp.wanted. Parameters: system, kind.
update ops.conflict
set state = 'resolved', resolution = 'unwanted', settled_at = clock_timestamp()
where
    system = :system
    and kind = :kind
    and state in ('open', 'ours')
    and not exists (select from pg_temp.wanted where wanted.key = conflict.key)
