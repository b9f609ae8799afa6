-- What is to be done with each change, from the verdicts on its fields: handed over with the fields that differ and
-- what stood there before, or settled without a call.
-- Grain: one row of ops.outbox, returned (outbox_id, state, operation, takes_back). Inputs: ops.outbox (outbox_ids),
-- pg_temp.judged, pg_temp.live. Parameters: outbox_ids, marks (the CRM has a field for the write's name: an undo puts
-- back the one that stood there).
with record as (
    select
        outbox_id,
        bool_or(verdict = 'gone') as gone,
        bool_or(verdict = 'kept') as kept,
        bool_or(verdict = 'make') as make,
        jsonb_object_agg(name, want) filter (where verdict = 'send') as changes,
        jsonb_object_agg(name, live) filter (where verdict = 'send') as before
    from pg_temp.judged
    group by outbox_id
),

settled as (
    select
        o.outbox_id,
        live.key is not null as existed,
        case
            when record.gone then 'gone'
            when o.operation = 'delete'
                then case when live.key is null then 'same' when record.kept then 'kept' else 'sending' end
            when record.make or record.changes is not null then 'sending'
            when record.kept then 'kept'
            else 'same'
        end as state,
        case
            when o.operation = 'delete' then '{}'::jsonb
            when record.make then o.payload
            else record.changes
        end || case
            when not :marks or o.operation = 'delete' then '{}'::jsonb
            when o.undoes is null then jsonb_build_object('write_key', o.idempotency_key)
            else
                jsonb_build_object(
                    'write_key',
                    (select undone.before -> 'write_key' from ops.outbox as undone where undone.outbox_id = o.undoes)
                )
        end as changes,
        case
            when o.operation = 'delete' then live.payload
            when record.make then '{}'::jsonb
            else record.before
        end || case when :marks then jsonb_build_object('write_key', live.write_key) else '{}'::jsonb end as before
    from ops.outbox as o
    left join record on o.outbox_id = record.outbox_id
    left join pg_temp.live as live on o.key = live.key
    where o.outbox_id = any(cast(:outbox_ids as bigint[]))
)

update ops.outbox
set
    state = settled.state,
    existed = settled.existed,
    changes = case when settled.state = 'sending' then settled.changes else outbox.changes end,
    before = case when settled.state = 'sending' then settled.before else outbox.before end,
    attempts = outbox.attempts + (settled.state = 'sending')::integer,
    called_at = case when settled.state = 'sending' then clock_timestamp() else outbox.called_at end,
    settled_at = case when settled.state <> 'sending' then clock_timestamp() end
from settled
where outbox.outbox_id = settled.outbox_id
returning outbox.outbox_id, outbox.state, outbox.operation, outbox.undoes is not null as takes_back
