-- The rows that go through are replayed; other held rows of their records, which are older, are superseded.
-- Grain: quarantine_id. Inputs: ops.quarantine, waiting, :ready (ids of rows that go through).
update ops.quarantine as q
set
    status = case when q.quarantine_id = any(cast(:ready as bigint[])) then 'replayed' else 'superseded' end,
    settled_at = now()
from waiting as w
where
    q.quarantine_id = w.quarantine_id
    and (
        q.quarantine_id = any(cast(:ready as bigint[]))
        or w.turn > 1 and exists (
            select
            from ops.quarantine as newer
            where
                newer.quarantine_id = any(cast(:ready as bigint[]))
                and newer.system = q.system and newer.stream = q.stream and newer.key = q.key
        )
    )
