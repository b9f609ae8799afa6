-- The three-way difference, field by field: what we last sent, what stands in the CRM, what we want.
-- Grain and key: (outbox_id, name), into pg_temp.judged; name * is the whole record. A field has no row where it stands
-- as we want it and as the receipt says, so most records have few. Inputs: ops.outbox (outbox_ids), pg_temp.live,
-- ops.receipt, ops.conflict. Parameters: outbox_ids, ours (fields that are ours alone), creates (an absent record is
-- made).
-- make: the record is new, or it was decided to make it again. gone: the CRM has lost it. same: it stands as we want it,
-- and the receipt does not know. send: only we changed it, or it is ours by configuration or by decision. kept: people
-- edited it since; an undo spares them whatever the configuration says, and deletes no record that somebody touched.
insert into pg_temp.judged (outbox_id, key, name, want, base, live, verdict)
select
    o.outbox_id,
    o.key,
    f.name,
    f.want,
    f.base,
    f.live,
    f.verdict
from ops.outbox as o
left join pg_temp.live as l on o.key = l.key
left join ops.receipt as r on o.system = r.system and o.kind = r.kind and o.key = r.key
cross join lateral (
    select
        '*' as name,
        o.payload as want,
        null::jsonb as base,
        null::jsonb as live,
        case
            when :creates and (
                r.payload is null
                or exists (
                    select from ops.conflict as lost
                    where
                        lost.system = o.system
                        and lost.kind = o.kind
                        and lost.key = o.key
                        and lost.field = '*'
                        and lost.state = 'ours'
                )
            )
                then 'make'
            else 'gone'
        end as verdict
    where o.operation = 'upsert' and l.key is null
    union all
    select
        wish.name,
        wish.value,
        coalesce(r.payload -> wish.name, 'null'::jsonb),
        coalesce(l.payload -> wish.name, 'null'::jsonb),
        case
            when wish.value = coalesce(l.payload -> wish.name, 'null'::jsonb) then 'same'
            when coalesce(l.payload -> wish.name, 'null'::jsonb) = coalesce(r.payload -> wish.name, 'null'::jsonb)
                then 'send'
            when o.undoes is not null then 'kept'
            when wish.name = any(cast(:ours as text[])) then 'send'
            when exists (
                select from ops.conflict as edited
                where
                    edited.system = o.system
                    and edited.kind = o.kind
                    and edited.key = o.key
                    and edited.field = wish.name
                    and edited.state = 'ours'
                    and edited.theirs = coalesce(l.payload -> wish.name, 'null'::jsonb)
            )
                then 'send'
            else 'kept'
        end
    from jsonb_each(o.payload) as wish (name, value)
    where
        o.operation = 'upsert'
        and l.key is not null
        and (
            wish.value is distinct from l.payload -> wish.name
            or wish.value is distinct from r.payload -> wish.name
        )
    union all
    select
        '*',
        null,
        null,
        null,
        'kept'
    where
        o.operation = 'delete'
        and l.key is not null
        and (
            coalesce(l.by_others, false)
            or exists (
                select from jsonb_each(l.payload) as stands (name, value)
                where stands.value <> r.payload -> stands.name
            )
        )
) as f
where o.outbox_id = any(cast(:outbox_ids as bigint[]))
