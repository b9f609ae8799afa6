-- What a run wrote to the CRM, or (dry run) would write, by kind of record. Grain: kind. Inputs: ops.step, :run_id.
select
    kind.key as kind,
    (kind.value ->> 'to_send')::bigint as would_send,
    (kind.value ->> 'sent')::bigint as sent,
    (kind.value ->> 'accepted')::bigint as accepted,
    (kind.value ->> 'created')::bigint as created,
    (kind.value ->> 'rejected')::bigint as rejected,
    (kind.value ->> 'unchanged')::bigint as unchanged
from ops.step as s
cross join lateral jsonb_each(s.result) as kind
where s.run_id = :run_id and s.step = 'write_back' and jsonb_typeof(kind.value) = 'object'
order by kind.key
