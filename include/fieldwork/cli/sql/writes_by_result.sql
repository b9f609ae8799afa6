-- What a run wrote to the CRM, or (dry run) would write, by kind of record. Grain: kind. Inputs: ops.step, :run_id.
select
    kind.key as kind,
    (kind.value ->> 'to_send')::bigint as would_send,
    (kind.value ->> 'sent')::bigint as sent,
    (kind.value ->> 'accepted')::bigint as accepted,
    (kind.value ->> 'created')::bigint as created,
    (kind.value ->> 'rejected')::bigint as rejected,
    nullif((kind.value ->> 'conflicts')::bigint, 0) as conflicts,
    nullif((kind.value ->> 'kept')::bigint, 0) as kept,
    nullif((kind.value ->> 'gone')::bigint, 0) as gone,
    nullif((kind.value ->> 'pending')::bigint, 0) as pending,
    nullif((kind.value ->> 'waiting')::bigint, 0) as waiting,
    (kind.value ->> 'unchanged')::bigint as unchanged,
    (kind.value ->> 'batch')::bigint as batch
from ops.step as s
cross join lateral jsonb_each(s.result) as kind
where s.run_id = :run_id and s.step = 'write_back' and jsonb_typeof(kind.value) = 'object'
order by kind.key
