-- People whose CRM user is another one than when their records were last compared; the new one is kept.
-- Grain and key: employee_id, returned. Inputs: core.crm_user, ops.write_owner. Parameter: system.
with owner as (
    select
        employee_id,
        min(crm_user_id) as crm_user_id
    from core.crm_user
    where active and employee_id is not null
    group by employee_id
)

insert into ops.write_owner as kept (system, employee_id, crm_user_id)
select
    :system,
    coalesce(owner.employee_id, before.employee_id),
    owner.crm_user_id
from owner
full join (select employee_id, crm_user_id from ops.write_owner where system = :system) as before
    on owner.employee_id = before.employee_id
where owner.crm_user_id is distinct from before.crm_user_id
on conflict (system, employee_id) do update set crm_user_id = excluded.crm_user_id
returning employee_id
