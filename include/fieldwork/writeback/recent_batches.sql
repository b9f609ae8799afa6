-- The last batches, newest first. Grain and key: write_batch_id. Input: ops.write_batch. Parameter: limit.
select
    write_batch_id as batch,
    opened_at,
    system,
    kind,
    purpose || coalesce(' of ' || undoes, '') || case when lifted_at is not null then ', lifted' else '' end as purpose,
    run_id,
    state,
    records,
    (result ->> 'accepted')::bigint as accepted,
    (result ->> 'created')::bigint as created,
    (result ->> 'deleted')::bigint as deleted,
    (result ->> 'rejected')::bigint as rejected,
    (result ->> 'conflicts')::bigint as conflicts,
    (result ->> 'waiting')::bigint as waiting,
    predicted_calls,
    used_calls
from ops.write_batch
where purpose in ('write_back', 'undo')
order by write_batch_id desc
limit :limit
