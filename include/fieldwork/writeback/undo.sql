-- What taking a batch back asks for, into the outbox: the values that stood before, in the fields that it changed.
-- Grain: one new row of ops.outbox per change of the batch that was accepted. Inputs: ops.outbox, ops.receipt,
-- ops.write_batch. Parameters: undone (the batch), batch (the undo), run_id.
-- A field that a later batch of ours has written is left to that batch's own undo; a record that the batch made is
-- deleted, unless a later batch has written to it; a record that it deleted is made again. What an earlier undo of the
-- same batch has taken back, or is about to, is not taken back twice.
with taken as (
    select
        o.*,
        r.payload as stands
    from ops.outbox as o
    inner join ops.receipt as r on o.system = r.system and o.kind = r.kind and o.key = r.key
    where
        o.write_batch_id = :undone
        and o.state = 'sent'
        and not exists (
            select from ops.outbox as other
            where other.undoes = o.outbox_id and other.state in ('pending', 'sending', 'sent', 'same')
        )
),

field as (
    select
        taken.outbox_id,
        wish.name,
        wish.value,
        taken.operation = 'delete' or taken.stands -> wish.name = taken.changes -> wish.name as is_last
    from taken
    cross join lateral jsonb_each(
        case when taken.existed then taken.before else taken.changes end - 'write_key'
    ) as wish (name, value)
),

stood as (
    select
        outbox_id,
        jsonb_object_agg(name, value) filter (where is_last) as before,
        bool_and(is_last) as untouched
    from field
    group by outbox_id
),

wanted as (
    select
        taken.outbox_id,
        taken.system,
        taken.kind,
        taken.key,
        taken.employee_id,
        taken.day,
        stood.untouched,
        case when taken.operation = 'upsert' and not taken.existed then 'delete' else 'upsert' end as undoing,
        case
            when taken.operation = 'upsert' and not taken.existed then taken.stands
            else stood.before
        end as back
    from taken
    inner join stood on taken.outbox_id = stood.outbox_id
)

insert into ops.outbox (
    run_id, write_batch_id, system, kind, key, employee_id, day, operation, payload, payload_hash, correction, rank,
    undoes, state, written_at
)
select
    :run_id,
    :batch,
    system,
    kind,
    key,
    employee_id,
    day,
    undoing,
    back,
    encode(sha256(convert_to(back::text, 'UTF8')), 'hex'),
    true,
    0,
    outbox_id,
    'pending',
    clock_timestamp()
from wanted
where back is not null and back <> '{}'::jsonb and (undoing = 'upsert' or untouched)
order by outbox_id
on conflict (system, kind, key) where (state in ('pending', 'sending')) do nothing
