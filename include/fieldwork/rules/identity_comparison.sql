-- The rules' word against the links that stand: statements for what is new, questions for what is doubtful.
-- Grain: (system, external_id, part). Inputs: wish, ref.identity, outside, trust. Lives until the batch is settled.
--
-- Days without a link take what the rules say, all of them. A link made by hand stays. A link that a rule made stays for
-- the days before the change: before the day that a person was hired on, where a number passed on to a newcomer, else
-- before the day on which the CRM user was changed or we learnt of it. From then on
--   the rule is as much trusted as the one that made the link, or more: the other person has the id       (replaced)
--   the rules differ, and none names the link's person: the link ends, and the question is noted          (ended)
--   the rule is less trusted, or one that differs names the link's person: the link stays, and the same   (doubted)
create temporary table comparison on commit drop as
with kept as (
    select
        w.system,
        w.external_id,
        w.span,
        w.employee_id,
        w.rule,
        w.trust,
        w.reason,
        w.candidates,
        i.employee_id as was,
        i.rule in ('manual', 'file') as by_hand,
        coalesce(t.trust, 1000) as was_trust,
        daterange(i.valid_from, i.valid_to) as was_span,
        daterange(
            case when lower(w.span) > cast(:beginning as date) then lower(w.span) else o.changed_on end, null
        ) as onward
    from wish as w
    join ref.identity as i
        on w.system = i.system and w.external_id = i.external_id and daterange(i.valid_from, i.valid_to) && w.span
    join outside as o on w.system = o.system and w.external_id = o.external_id
    left join trust as t on i.rule = t.rule
),

taken as (
    select system, external_id, span, range_agg(was_span) as days
    from kept
    group by system, external_id, span
),

free as (
    select w.*, rest.part
    from wish as w
    left join taken on w.system = taken.system and w.external_id = taken.external_id and w.span = taken.span
    cross join lateral unnest(datemultirange(w.span) - coalesce(taken.days, '{}'::datemultirange)) as rest (part)
),

met as (
    select
        *,
        span * was_span as part,
        span * was_span * onward as from_now,
        case
            when reason is null and trust <= was_trust then 'replaced'
            when reason is null or was = any(candidates) then 'doubted'
            else 'ended'
        end as outcome
    from kept
    where not by_hand and was is distinct from employee_id
)

select
    system,
    external_id,
    part,
    case when reason is null then 'new' else 'open' end as outcome,
    employee_id,
    rule,
    reason,
    candidates
from free
union all
select
    system,
    external_id,
    case when outcome = 'doubted' then part else from_now end,
    outcome,
    case when outcome = 'replaced' then employee_id end,
    case when outcome = 'replaced' then rule end,
    case when outcome = 'doubted' and reason is null then 'link_contradicted' else reason end,
    case when was = any(candidates) then candidates else was || candidates end
from met
where outcome = 'doubted' or not isempty(from_now)
