-- What identity.csv says of the links, as statements: on all its days, but those that somebody decided by hand.
-- Grain: (system, external_id, valid_from). Inputs: line (system, external_id, employee_id, valid_from, valid_to),
-- ref.identity, core.employee, claim. Lines that give an id to two persons on the same days say nothing for these days; a
-- line about a person whom nobody has heard of waits.
insert into statement (system, external_id, valid_from, valid_to, employee_id, rule)
with said as (
    select distinct
        system, external_id, employee_id, daterange(valid_from, valid_to) as span
    from line
    where
        employee_id in (select employee_id from core.employee)
        or employee_id in (select employee_no from claim)
),

settled as (
    -- days that are so linked already, are decided by hand, or are given to somebody else too
    select said.system, said.external_id, said.employee_id, said.span, daterange(i.valid_from, i.valid_to) as days
    from said
    join ref.identity as i on said.system = i.system and said.external_id = i.external_id
    where i.rule = 'manual' or i.rule = 'file' and i.employee_id = said.employee_id
    union all
    select said.system, said.external_id, said.employee_id, said.span, daterange(other.valid_from, other.valid_to)
    from said
    join line as other
        on said.system = other.system and said.external_id = other.external_id
        and said.employee_id <> other.employee_id
),

rest as (
    select
        said.system,
        said.external_id,
        said.employee_id,
        datemultirange(said.span) - coalesce(
            (
                select range_agg(s.days)
                from settled as s
                where
                    s.system = said.system and s.external_id = said.external_id
                    and s.employee_id = said.employee_id and s.span = said.span
            ),
            '{}'::datemultirange
        ) as days
    from said
),

together as (
    -- lines of one person that overlap or meet become one
    select system, external_id, employee_id, range_agg(part) as days
    from rest
    cross join lateral unnest(rest.days) as part
    group by system, external_id, employee_id
)

select system, external_id, lower(part), upper(part), employee_id, 'file'
from together
cross join lateral unnest(days) as part
