-- Of changes that were handed over and never answered: which did the CRM execute? Its record says so by the name of the
-- write; where it has no field for that, by holding one of the values that were new.
-- Grain: outbox_id, returned with the record's id. Inputs: ops.outbox (outbox_ids), pg_temp.live. Parameter: outbox_ids.
select
    o.outbox_id,
    l.crm_id
from ops.outbox as o
left join pg_temp.live as l on o.key = l.key
where
    o.outbox_id = any(cast(:outbox_ids as bigint[]))
    and o.state = 'sending'
    and case
        when o.operation = 'delete' then l.key is null
        when l.key is null then false
        when o.changes ? 'write_key' then to_jsonb(l.write_key) is not distinct from nullif(o.changes -> 'write_key', 'null')
        else exists (
            select from jsonb_each(o.changes) as change (name, value)
            where
                l.payload -> change.name = change.value
                and change.value is distinct from o.before -> change.name
        )
    end
