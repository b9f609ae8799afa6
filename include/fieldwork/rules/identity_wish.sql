-- What the rules together say of each CRM user, span by span.
-- Grain: (system, external_id, span). Inputs: evidence, trust. Lives until the batch is settled.
--
-- A person whom every rule names that names anybody is the one, if it is one alone; the most trusted rule that names
-- nobody else has made the link. Otherwise a reason is given: rules_disagree (each names one, not the same) or
-- several_people. candidates: everybody whom a rule names, sorted.
create temporary table wish on commit drop as
with edge as (
    select distinct system, external_id, lower(span) as first_day
    from evidence
),

cut as (
    select
        system,
        external_id,
        daterange(first_day, lead(first_day) over (partition by system, external_id order by first_day)) as span
    from edge
),

voice as (
    select
        cut.system,
        cut.external_id,
        cut.span,
        e.trust,
        e.rule,
        e.employee_id,
        count(*) over (partition by cut.system, cut.external_id, cut.span, e.rule) as persons,
        dense_rank() over (partition by cut.system, cut.external_id, cut.span order by e.trust) as rule_no
    from cut
    join evidence as e
        on cut.system = e.system and cut.external_id = e.external_id and e.span && cut.span
),

heard as (
    select
        *,
        max(rule_no) over of_span as rules,
        max(persons) over of_span as most_persons
    from voice
    window of_span as (partition by system, external_id, span)
),

named as (
    select
        system,
        external_id,
        span,
        employee_id,
        most_persons,
        count(*) = rules as by_all,
        (array_agg(rule order by persons > 1, trust))[1] as rule
    from heard
    group by system, external_id, span, employee_id, most_persons, rules
),

agreed as (
    select
        system,
        external_id,
        span,
        most_persons,
        count(*) filter (where by_all) as persons,
        min(employee_id) filter (where by_all) as employee_id,
        min(rule) filter (where by_all) as rule,
        array_agg(employee_id order by employee_id) as candidates
    from named
    group by system, external_id, span, most_persons
)

select
    a.system,
    a.external_id,
    a.span,
    case when a.persons = 1 then a.employee_id end as employee_id,
    case when a.persons = 1 then a.rule end as rule,
    t.trust,
    case when a.persons <> 1 then case when a.most_persons > 1 then 'several_people' else 'rules_disagree' end end
        as reason,
    a.candidates
from agreed as a
left join trust as t on a.persons = 1 and a.rule = t.rule
