-- Links for CRM users that have none, by the most trusted rule that names exactly one person.
-- Grain: one link per CRM user. Inputs: core.crm_user, core.employee, ref.identity, :beginning.
-- Order of trust: employee number, e-mail (case ignored), mobile (last 11 digits: country codes are written many ways).
with unlinked as (
    select
        u.system,
        u.crm_user_id,
        nullif(btrim(u.employee_no), '') as employee_no,
        nullif(lower(btrim(u.email)), '') as email,
        nullif(right(regexp_replace(u.mobile, '\D', '', 'g'), 11), '') as mobile
    from core.crm_user as u
    where not exists (
        select 1 from ref.identity as i where i.system = u.system and i.external_id = u.crm_user_id
    )
),

person as (
    select
        employee_id,
        nullif(btrim(employee_no), '') as employee_no,
        nullif(lower(btrim(email)), '') as email,
        nullif(right(regexp_replace(mobile, '\D', '', 'g'), 11), '') as mobile
    from core.employee
),

match as (
    select u.system, u.crm_user_id, 1 as trust, 'employee_no' as rule, min(p.employee_id) as employee_id
    from unlinked as u
    join person as p on u.employee_no = p.employee_no
    group by u.system, u.crm_user_id
    having count(*) = 1
    union all
    select u.system, u.crm_user_id, 2, 'email', min(p.employee_id)
    from unlinked as u
    join person as p on u.email = p.email
    group by u.system, u.crm_user_id
    having count(*) = 1
    union all
    select u.system, u.crm_user_id, 3, 'mobile', min(p.employee_id)
    from unlinked as u
    join person as p on u.mobile = p.mobile
    group by u.system, u.crm_user_id
    having count(*) = 1
)

insert into ref.identity (system, external_id, valid_from, valid_to, employee_id, rule, linked_at)
select distinct on (system, crm_user_id)
    system, crm_user_id, cast(:beginning as date), null, employee_id, rule, now()
from match
order by system, crm_user_id, trust
on conflict do nothing
