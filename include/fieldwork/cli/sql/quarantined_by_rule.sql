-- Rows that a run set aside, by rule. Grain: (rule, status). Inputs: ops.quarantine, ops.batch, :run_id.
select
    q.rule,
    q.status,
    count(*) as "rows"
from ops.quarantine as q
join ops.batch as b on q.batch_id = b.batch_id
where b.run_id = :run_id
group by q.rule, q.status
order by count(*) desc, q.rule
