-- What the source says of records that its list lacks: deleted there, or moved to another day; the rest are gone.
-- Grain: (kind, key) in difference. Inputs: looked_up (temporary: key, deleted, day, modified_at); :mark.
update difference as d
set
    kind = case when l.deleted then 'deleted' else 'stale' end,
    day = coalesce(l.day, d.day),
    modified_at = l.modified_at,
    later = coalesce(l.modified_at > cast(:mark as timestamptz), false)
from looked_up as l
where d.kind = 'gone' and d.key = l.key
