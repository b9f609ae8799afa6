-- CRM users, with what rules compare in the form of `person`.
-- Grain: (system, external_id). Inputs: core.crm_user, delta (of a batch of crm_users; else empty), :zone, :today.
-- Lives until the batch is settled. changed_on: from which day a new statement about the user holds: the day on which
-- the CRM changed the user, if that is what this batch brought, else today, the day on which we learn it.
create temporary table outside on commit drop as
select
    u.system,
    u.crm_user_id as external_id,
    nullif(btrim(u.employee_no), '') as employee_no,
    nullif(btrim(u.name), '') as name,
    nullif(lower(btrim(u.email)), '') as email,
    nullif(right(regexp_replace(u.mobile, '\D', '', 'g'), 11), '') as mobile,
    u.active,
    coalesce(least((d.modified_at at time zone :zone)::date, cast(:today as date)), cast(:today as date)) as changed_on
from core.crm_user as u
left join crm_delta as d on u.crm_user_id = d.crm_user_id
