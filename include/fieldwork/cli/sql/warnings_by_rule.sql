-- Warnings of a run's checks and audit, by rule. Grain: rule. Inputs: ops.check_result, :run_id.
select
    c.rule,
    sum(c.failing)::bigint as failing,
    sum(c.total)::bigint as "of"
from ops.check_result as c
where c.run_id = :run_id and c.severity = 'warning' and c.outcome = 'failed'
group by c.rule
order by c.rule
