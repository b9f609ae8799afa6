-- The person of each CRM user, as the link of today says it; null where none does.
-- Grain: one row per CRM user whose person changed. Inputs: ref.identity, :today.
update core.crm_user as u
set employee_id = i.employee_id
from core.crm_user as same
left join ref.identity as i
    on same.system = i.system
    and same.crm_user_id = i.external_id
    and i.valid_from <= cast(:today as date)
    and (i.valid_to is null or i.valid_to > cast(:today as date))
where same.crm_user_id = u.crm_user_id and u.employee_id is distinct from i.employee_id
