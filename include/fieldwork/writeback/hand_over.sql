-- What is to be done with each change, from the verdicts on its fields: handed over with the fields that differ and
-- what stood there before, or settled without a call.
-- Grain: one row of ops.outbox, returned (outbox_id, state). Inputs: pg_temp.judged, pg_temp.live, ops.outbox.
-- Parameter: marks (the CRM has a field for the write's name: an undo puts back the one that stood there).
with record as (
    select
        outbox_id,
        bool_or(existed) as existed,
        bool_or(verdict = 'gone') as gone,
        bool_or(verdict = 'kept') as kept,
        bool_or(verdict = 'send') as send,
        coalesce(jsonb_object_agg(name, want) filter (where verdict = 'send'), '{}'::jsonb) as changes,
        coalesce(jsonb_object_agg(name, live) filter (where verdict = 'send'), '{}'::jsonb) as before
    from pg_temp.judged
    group by outbox_id
),

settled as (
    select
        record.*,
        o.key,
        o.operation,
        case
            when record.gone then 'gone'
            when record.kept and (o.operation = 'delete' or not record.send) then 'kept'
            when record.send then 'sending'
            else 'same'
        end as state,
        case
            when o.undoes is null then to_jsonb(o.idempotency_key)
            else coalesce((select undone.before -> 'write_key' from ops.outbox as undone where undone.outbox_id = o.undoes), 'null')
        end as mark
    from record
    inner join ops.outbox as o on record.outbox_id = o.outbox_id
)

update ops.outbox
set
    state = settled.state,
    existed = settled.existed,
    changes = case
        when settled.state <> 'sending' then outbox.changes
        when settled.operation = 'delete' then '{}'::jsonb
        when :marks then settled.changes || jsonb_build_object('write_key', settled.mark)
        else settled.changes
    end,
    before = case
        when settled.state <> 'sending' then outbox.before
        when :marks then settled.before || jsonb_build_object('write_key', live.write_key)
        else settled.before
    end,
    attempts = outbox.attempts + (settled.state = 'sending')::integer,
    called_at = case when settled.state = 'sending' then clock_timestamp() else outbox.called_at end,
    settled_at = case when settled.state <> 'sending' then clock_timestamp() end
from settled
left join pg_temp.live as live on settled.key = live.key
where outbox.outbox_id = settled.outbox_id
returning outbox.outbox_id, outbox.state, outbox.operation
