-- Whose id went to somebody else and who has no other one was employed until the day before; the source has not said so.
-- Grain: employee_id. Inputs: claim, person.
with gave_way as (
    select c.was as employee_id, min(c.since) as since
    from claim as c
    join person as p on c.was = p.employee_id
    where c.state = 'found' and c.since is not null and not p.listed
    group by c.was
),

ended as (
    update core.employee as e
    set left_on = g.since - 1
    from gave_way as g
    where e.employee_id = g.employee_id and (e.left_on is null or e.left_on >= g.since)
    returning e.employee_id
)

insert into reviewed (employee_id)
select employee_id from ended
