-- Take the days of the statements out of the links that stand there; what is left of these stays as it was.
-- Grain: (system, external_id, valid_from). Inputs: statement, ref.identity.
with cut as (
    delete from ref.identity as i
    using statement as s
    where
        i.system = s.system
        and i.external_id = s.external_id
        and daterange(i.valid_from, i.valid_to) && daterange(s.valid_from, s.valid_to)
    returning i.*
),

said as (
    select system, external_id, range_agg(daterange(valid_from, valid_to)) as days
    from statement
    group by system, external_id
)

insert into ref.identity (system, external_id, valid_from, valid_to, employee_id, rule, linked_at)
select
    cut.system,
    cut.external_id,
    lower(rest.days),
    upper(rest.days),
    cut.employee_id,
    cut.rule,
    cut.linked_at
from cut
join said on cut.system = said.system and cut.external_id = said.external_id
cross join lateral unnest(datemultirange(daterange(cut.valid_from, cut.valid_to)) - said.days) as rest (days)
