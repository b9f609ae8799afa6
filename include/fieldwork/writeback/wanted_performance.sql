-- What the CRM's daily performance records should hold, into pg_temp.wanted.
-- Grain and key: one row per published person-day (mart.performance_day); key = '<employee_id>:<work_date>'.
-- The user is the person's active CRM user, the first by id if there are several; null when there is none.
-- Late, worked, early and overtime minutes stay here: pay is computed from them.
-- left_out: fields that the configuration does not map.
with crm_person as (
    select
        employee_id,
        min(crm_user_id) as crm_user_id
    from core.crm_user
    where active and employee_id is not null
    group by employee_id
)

insert into pg_temp.wanted (key, payload)
select
    day.employee_id || ':' || to_char(day.work_date, 'YYYY-MM-DD') as key,
    jsonb_build_object(
        'user', crm_person.crm_user_id,
        'work_date', to_char(day.work_date, 'YYYY-MM-DD'),
        'status', day.status,
        'visits_planned', day.visits_planned,
        'visits_done', day.visits_done,
        'visits_verified', day.visits_verified,
        'tasks_due', day.tasks_due,
        'tasks_on_time', day.tasks_on_time,
        'follow_ups', day.follow_ups,
        'opportunities_created', day.opportunities_created,
        'opportunities_won', day.opportunities_won,
        'amount_won', day.amount_won,
        'performance_index', round(day.performance_index::numeric, 2),
        'rule_version', day.rule_version
    ) - cast(:left_out as text[]) as payload
from mart.performance_day as day
left join crm_person on day.employee_id = crm_person.employee_id
