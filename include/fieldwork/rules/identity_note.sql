-- The person of each CRM user, as the links of today say it.
-- Grain: one row per CRM user whose person changed. Inputs: ref.identity.
update core.crm_user as u
set employee_id = i.employee_id
from ref.identity as i
where
    i.system = u.system
    and i.external_id = u.crm_user_id
    and i.valid_to is null
    and u.employee_id is distinct from i.employee_id
