-- Rules that failed and set nothing aside: warnings and notes, and rules that could not run. Grain: (dataset, rule).
-- Inputs: ops.check_result; :run_id.
select
    dataset,
    rule,
    severity,
    outcome,
    sum(failing)::bigint as failing,
    sum(total)::bigint as total
from ops.check_result
where
    run_id = :run_id
    and (outcome = 'could_not_run' or outcome = 'failed' and (severity <> 'critical' or batch_id = 0 or failing is null))
group by dataset, rule, severity, outcome
order by severity, dataset, rule
