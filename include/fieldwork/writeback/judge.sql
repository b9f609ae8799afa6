-- The three-way difference, field by field: what we last sent, what stands in the CRM, what we want.
-- Grain and key: (outbox_id, name), into pg_temp.judged. Inputs: ops.outbox (outbox_ids), pg_temp.live, ops.receipt,
-- ops.conflict. Parameters: outbox_ids, ours (fields that are ours alone), creates (an absent record is made).
-- same: nothing to do. send: only we changed it, or it is ours by configuration or by decision. kept: people edited it
-- since, and an undo spares them whatever the configuration says. gone: the CRM has lost a record that it had.
-- A deletion asks of each field only whether people edited it.
insert into pg_temp.judged (outbox_id, key, name, want, base, live, existed, verdict)
select
    o.outbox_id,
    o.key,
    f.name,
    f.want,
    f.base,
    f.live,
    l.key is not null,
    case
        when l.key is null and o.operation = 'delete' then 'same'
        when l.key is null and lost.state = 'ours' and :creates then 'send'
        when l.key is null and (r.payload is not null or not :creates) then 'gone'
        when l.key is null then 'send'
        when o.operation = 'delete'
            then case when f.live = f.base and not coalesce(l.by_others, false) then 'send' else 'kept' end
        when f.want = f.live then 'same'
        when f.live = f.base then 'send'
        when o.undoes is not null then 'kept'
        when f.name = any(cast(:ours as text[])) then 'send'
        when edited.state = 'ours' and edited.theirs = f.live then 'send'
        else 'kept'
    end
from ops.outbox as o
left join pg_temp.live as l on o.key = l.key
left join ops.receipt as r on o.system = r.system and o.kind = r.kind and o.key = r.key
cross join lateral (
    select
        wish.name,
        wish.value as want,
        coalesce(r.payload -> wish.name, 'null'::jsonb) as base,
        coalesce(l.payload -> wish.name, 'null'::jsonb) as live
    from jsonb_each(o.payload) as wish (name, value)
) as f
left join ops.conflict as edited
    on
        o.system = edited.system
        and o.kind = edited.kind
        and o.key = edited.key
        and edited.field = f.name
        and edited.state <> 'resolved'
left join ops.conflict as lost
    on
        o.system = lost.system
        and o.kind = lost.kind
        and o.key = lost.key
        and lost.field = '*'
        and lost.state <> 'resolved'
where o.outbox_id = any(cast(:outbox_ids as bigint[]))
