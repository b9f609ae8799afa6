-- Rows that a run set aside, by rule: how many, what they wait for now, and a few of them by key. No values.
-- Grain: (stream, rule). Inputs: ops.quarantine, ops.batch; :run_id. A row that a later run met again belongs to that one.
select
    q.stream,
    q.rule,
    mode() within group (order by q.reason) as reason,
    count(*) as "rows",
    count(*) filter (where q.status in ('new', 'mended')) as to_mend,
    count(*) filter (where q.status = 'held') as held,
    count(*) filter (where q.status in ('replayed', 'superseded', 'dismissed')) as settled,
    (array_agg(q.key order by q.quarantine_id) filter (where q.key is not null))[1:3] as keys
from ops.quarantine as q
join ops.batch as b on q.batch_id = b.batch_id
where b.run_id = :run_id
group by q.stream, q.rule
order by count(*) desc, q.rule
