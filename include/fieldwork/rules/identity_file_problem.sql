-- What in identity.csv cannot be followed: an id that two lines give to two persons on one day, and a person whom nobody
-- has heard of. Days that somebody decided by hand raise no question.
-- Grain: (system, external_id, reason). Inputs: line, core.employee, claim, ref.identity.
insert into problem (system, external_id, reason, candidates, since)
with doubtful as (
    select
        a.system,
        a.external_id,
        'file_disagrees' as reason,
        a.employee_id as candidate,
        daterange(a.valid_from, a.valid_to) * daterange(b.valid_from, b.valid_to) as span
    from line as a
    join line as b
        on a.system = b.system and a.external_id = b.external_id and a.employee_id <> b.employee_id
        and daterange(a.valid_from, a.valid_to) && daterange(b.valid_from, b.valid_to)
    union all
    select
        system,
        external_id,
        'no_such_person',
        employee_id,
        daterange(valid_from, valid_to)
    from line
    where
        employee_id not in (select employee_id from core.employee)
        and not exists (select from claim where claim.employee_no = line.employee_id)
)

select
    d.system,
    d.external_id,
    d.reason,
    array_agg(distinct d.candidate order by d.candidate),
    min(lower(d.span))
from doubtful as d
where not exists (
    select
    from ref.identity as i
    where
        i.system = d.system and i.external_id = d.external_id and i.rule = 'manual'
        and daterange(i.valid_from, i.valid_to) @> d.span
)
group by d.system, d.external_id, d.reason
