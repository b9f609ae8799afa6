-- Persons who have lost their only id in their system to somebody else: they are that person.
-- Grain: employee_id. Inputs: link_change, core.employee, ref.identity.
select distinct c.was, c.now, c.system
from link_change as c
join core.employee as e on c.was = e.employee_id and c.system = e.system and c.external_id = e.user_id
where
    c.now is not null
    and e.same_as is null
    and not exists (
        select
        from ref.identity as i
        where i.system = e.system and i.employee_id = e.employee_id
    )
order by c.was, c.now
