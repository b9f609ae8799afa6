-- What the rules said of a run; those that failed first. Grain: rule of a batch. Inputs: ops.check_result, ops.run,
-- :run_id (empty: the newest run that was checked).
select
    c.run_id,
    nullif(c.batch_id, 0) as batch,
    c.rule,
    c.severity,
    c.outcome,
    c.failing,
    c.total as "of",
    c.problem,
    c.accepted_by,
    c.keys
from ops.check_result as c
where
    c.run_id = coalesce(
        nullif(cast(:run_id as text), ''),
        (
            select r.run_id
            from ops.run as r
            where exists (select 1 from ops.check_result as k where k.run_id = r.run_id)
            order by r.started_at desc
            limit 1
        )
    )
order by c.outcome = 'passed', c.batch_id, c.rule
