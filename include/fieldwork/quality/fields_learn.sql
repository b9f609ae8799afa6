-- What a batch's records had on the wire is known from now on; what it found gone is forgotten.
-- Grain: one row per field in ops.known_field. Keys: system, stream, field. Inputs: :batch_id, :system, :stream.
-- Old counts fade (half of them, beyond 20,000 records), so that a field which is seldom filled nowadays is no surprise.
with forgotten as (
    delete from ops.known_field as known
    using ops.batch_field as seen
    where
        seen.batch_id = :batch_id
        and seen.change in ('gone', 'missing')
        and known.system = :system
        and known.stream = :stream
        and known.field = seen.field
)

insert into ops.known_field as known (
    system, stream, field, mapped, kinds, looked_at, present, longest, since_batch, last_batch
)
select
    cast(:system as text) as system,
    cast(:stream as text) as stream,
    seen.field,
    seen.mapped,
    coalesce(
        (select array_agg(distinct u.kind order by u.kind) from unnest(seen.kinds || seen.was) as u (kind)), '{}'
    ) as kinds,
    seen.looked_at,
    seen.present,
    seen.longest,
    seen.batch_id as since_batch,
    seen.batch_id as last_batch
from ops.batch_field as seen
where seen.batch_id = :batch_id and seen.change not in ('gone', 'missing') and seen.looked_at > 0
on conflict (system, stream, field) do update set
    mapped = excluded.mapped,
    kinds = excluded.kinds,
    looked_at = known.looked_at / case when known.looked_at > 20000 then 2 else 1 end + excluded.looked_at,
    present = known.present / case when known.looked_at > 20000 then 2 else 1 end + excluded.present,
    longest = greatest(known.longest, excluded.longest),
    last_batch = excluded.last_batch
