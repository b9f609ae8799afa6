-- Which days of which ids are another person's by the statements: what the link said, and what it will say.
-- Grain: (system, external_id, valid_from). Inputs: statement, ref.identity; :who (null: the caller writes the audit log).
-- A link that is taken from somebody leaves an entry in the audit log.
with said as (
    select *, daterange(valid_from, valid_to) as span
    from statement
),

linked as (
    select
        said.system,
        said.external_id,
        said.span,
        said.employee_id as now,
        i.employee_id as was,
        daterange(i.valid_from, i.valid_to) * said.span as days
    from said
    join ref.identity as i
        on said.system = i.system and said.external_id = i.external_id
        and daterange(i.valid_from, i.valid_to) && said.span
),

taken as (
    select system, external_id, span, range_agg(days) as days
    from linked
    group by system, external_id, span
),

free as (
    select said.system, said.external_id, said.employee_id as now, rest.days
    from said
    left join taken
        on said.system = taken.system and said.external_id = taken.external_id and said.span = taken.span
    cross join lateral unnest(datemultirange(said.span) - coalesce(taken.days, '{}'::datemultirange)) as rest (days)
),

changed as (
    insert into link_change (system, external_id, valid_from, valid_to, was, now)
    select system, external_id, lower(days), upper(days), was, now
    from linked
    where was is distinct from now
    union all
    select system, external_id, lower(days), upper(days), null, now
    from free
    where now is not null
    returning *
)

insert into ops.audit_log (at, who, action, purpose, detail)
select
    clock_timestamp(),
    session_user || ', ' || :who,
    'identity.link',
    'Facts or rules have changed',
    jsonb_build_object(
        'system', system, 'external_id', external_id, 'from', valid_from, 'until', valid_to, 'was', was, 'now', now
    )
from changed
where was is not null and cast(:who as text) is not null
