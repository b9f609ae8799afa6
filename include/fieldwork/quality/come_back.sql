-- Rows of a replay that are still bad go back to the lines that they came from, with what is wrong with them now.
-- Grain: one line of ops.quarantine per listed row; all listed rows leave staging. A replay's seq is the line's number.
-- Inputs: broken (temporary: seq, place, rule, reason, held); staging.batch stands for the batch's table;
--         :rehearsal (only leave staging). Returns: how many rows left staging, by the rule that they broke.
with verdict as (
    select
        seq,
        (array_agg(rule order by held, place))[1] as rule,
        string_agg(reason, '; ' order by held, place) as reason,
        bool_and(held) as held
    from broken
    group by seq
),

moved as (
    delete from staging.batch as staged
    using verdict
    where staged.seq = verdict.seq
    returning staged.seq
),

back as (
    update ops.quarantine as line
    set
        rule = verdict.rule,
        reason = verdict.reason,
        status = case when verdict.held then 'held' else 'new' end,
        settled_at = null
    from verdict
    join moved on verdict.seq = moved.seq
    where line.quarantine_id = verdict.seq and not cast(:rehearsal as boolean)
)

select verdict.rule, count(*) as "rows"
from moved
join verdict on moved.seq = verdict.seq
group by verdict.rule
order by verdict.rule
