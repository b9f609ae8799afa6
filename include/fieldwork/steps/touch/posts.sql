-- Person-days on which somebody's employment, team or manager is not what is published, those of uncounted punches too.
-- Grain: (employee_id, work_date). Inputs: reviewed (whose posts may have changed), core.employee, ref.post,
-- ref.identity, mart.performance_day, mart.uncounted_punch.
insert into touch (employee_id, work_date)
with person as (
    select distinct employee_id from reviewed
),

published as (
    select
        m.employee_id,
        m.work_date,
        m.team as told_team,
        m.manager_employee_id as told_manager,
        case when p.employee_id is null then e.team else p.team end as team,
        coalesce(p.manager_employee_id, boss.employee_id) as manager,
        p.employee_id is not null
        or m.work_date >= coalesce(e.hired_on, m.work_date) and m.work_date <= coalesce(e.left_on, m.work_date)
            as employed
    from person
    join core.employee as e on person.employee_id = e.employee_id
    join mart.performance_day as m on person.employee_id = m.employee_id
    left join ref.post as p
        on m.employee_id = p.employee_id
        and m.work_date >= p.valid_from and m.work_date < coalesce(p.valid_to, 'infinity')
    left join ref.identity as boss
        on e.system = boss.system
        and boss.external_id = case when p.employee_id is null then e.manager_user_id else p.manager_user_id end
        and m.work_date >= boss.valid_from and m.work_date < coalesce(boss.valid_to, 'infinity')
)

select employee_id, work_date
from published
where not employed or (told_team, told_manager) is distinct from (team, manager)
union
select u.employee_id, u.work_date
from person
join core.employee as e on person.employee_id = e.employee_id
join mart.uncounted_punch as u on person.employee_id = u.employee_id
left join ref.post as p
    on u.employee_id = p.employee_id
    and u.work_date >= p.valid_from and u.work_date < coalesce(p.valid_to, 'infinity')
where
    p.employee_id is not null
    or u.work_date >= coalesce(e.hired_on, u.work_date) and u.work_date <= coalesce(e.left_on, u.work_date)
