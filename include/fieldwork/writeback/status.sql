-- Where write-back stands, by CRM and kind. Grain and key: (system, kind). Inputs: ops.write_mark, ops.outbox,
-- ops.receipt, ops.conflict, ops.write_batch.
with kind as (
    select system, kind from ops.write_mark
    union
    select distinct system, kind from ops.write_batch
),

waiting as (
    select
        system,
        kind,
        count(*) filter (where state = 'pending') as waiting,
        count(*) filter (where state = 'sending') as unanswered,
        min(written_at) as waiting_since
    from ops.outbox
    where state in ('pending', 'sending')
    group by system, kind
),

refused as (
    select system, kind, count(*) as rejected from ops.receipt where not ok group by system, kind
),

parked as (
    select system, kind, count(*) as parked from ops.receipt where parked is not null group by system, kind
),

undecided as (
    select system, kind, count(*) as conflicts from ops.conflict where state = 'open' group by system, kind
),

last as (
    select distinct on (system, kind) system, kind, write_batch_id as last_batch, state as last_state, opened_at as last_at
    from ops.write_batch
    order by system asc, kind asc, write_batch_id desc
),

calls as (
    select system, kind, sum(used_calls)::bigint as calls_24h
    from ops.write_batch
    where opened_at > now() - interval '24 hours'
    group by system, kind
)

select
    kind.system,
    kind.kind,
    coalesce(waiting.waiting, 0) as waiting,
    coalesce(waiting.unanswered, 0) as unanswered,
    waiting.waiting_since,
    coalesce(refused.rejected, 0) as rejected,
    coalesce(undecided.conflicts, 0) as conflicts,
    coalesce(parked.parked, 0) as undone,
    coalesce(calls.calls_24h, 0) as calls_24h,
    last.last_batch,
    last.last_state,
    last.last_at,
    mark.published_at as looked_until
from kind
left join ops.write_mark as mark on kind.system = mark.system and kind.kind = mark.kind
left join waiting on kind.system = waiting.system and kind.kind = waiting.kind
left join refused on kind.system = refused.system and kind.kind = refused.kind
left join parked on kind.system = parked.system and kind.kind = parked.kind
left join undecided on kind.system = undecided.system and kind.kind = undecided.kind
left join calls on kind.system = calls.system and kind.kind = calls.kind
left join last on kind.system = last.system and kind.kind = last.kind
order by kind.system, kind.kind
