-- Whom the rules name, dated. A rule that names several persons names them one after the other if none was at work
-- before the one before had left (an employee number, a mailbox that was taken over); else it names all of them always.
-- Grain: (system, external_id, rule, employee_id). Inputs: named (system, external_id, trust, rule, employee_id), person,
-- :beginning. Lives until the batch is settled.
create temporary table evidence on commit drop as
with ordered as (
    select
        n.*,
        p.employed_from,
        p.last_day,
        lead(p.employed_from) over of_rule as next_from,
        row_number() over of_rule as turn,
        count(*) over (partition by n.system, n.external_id, n.rule) as persons
    from named as n
    join person as p on n.employee_id = p.employee_id
    window of_rule as (
        partition by n.system, n.external_id, n.rule order by p.employed_from nulls first, n.employee_id
    )
),

judged as (
    select
        *,
        bool_and(turn = persons or coalesce(last_day < next_from, false))
            over (partition by system, external_id, rule) as in_turn
    from ordered
)

select
    system,
    external_id,
    trust,
    rule,
    employee_id,
    daterange(
        case when in_turn and turn > 1 then employed_from else cast(:beginning as date) end,
        case when in_turn then next_from end
    ) as span
from judged
