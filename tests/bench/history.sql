-- Facts of a company that has been running for a while, straight into the warehouse as its loads would have left them.
-- Grain: people x days. Inputs: :people, :first_day, :days, :zone. Every person punches in and out, checks in twice at
-- customers, visits two of them, has a task every other day, an opportunity every tenth; a few are on leave.
with person as (
    select n, 'E' || lpad(n::text, 5, '0') as employee_id, 'u' || n as user_id, 'c' || n as crm_user_id
    from generate_series(1, :people) as n
),

day as (
    select d, cast(:first_day as date) + d as on_day, (cast(:first_day as date) + d)::timestamp at time zone :zone as midnight
    from generate_series(0, :days - 1) as d
),

origin as (
    select 'dingtalk' as attendance, 'salesforce' as crm, 1::bigint as batch_id, now() as loaded_at
),

people as (
    insert into core.employee (employee_id, user_id, employee_no, name, team, hired_on, system, batch_id, loaded_at)
    select employee_id, user_id, employee_id, 'Name', 'T' || n % 20, cast(:first_day as date), attendance, batch_id, loaded_at
    from person cross join origin
),

users as (
    insert into core.crm_user (crm_user_id, employee_id, employee_no, active, system, batch_id, loaded_at)
    select crm_user_id, employee_id, employee_id, true, crm, batch_id, loaded_at
    from person cross join origin
),

links as (
    insert into ref.identity (system, external_id, valid_from, employee_id, rule, linked_at)
    select attendance, user_id, date '1900-01-01', employee_id, 'source', loaded_at from person cross join origin
    union all
    select crm, crm_user_id, date '1900-01-01', employee_id, 'employee_no', loaded_at from person cross join origin
),

customers as (
    insert into core.account (account_id, name, latitude, longitude, system, batch_id, loaded_at)
    select 'a' || a, 'Customer', 31 + a % 100 * 0.01, 121 + a / 100 * 0.01, crm, batch_id, loaded_at
    from generate_series(0, 4999) as a cross join origin
),

moment as (
    select person.*, day.d, day.on_day, day.midnight, (person.n * 7 + day.d * 3) % 5000 as a
    from person cross join day
),

punched as (
    select
        m.*,
        p.k,
        p.kind,
        m.midnight + p.minutes * interval '1 minute' + (m.n * 31 + m.d * 17) % 900 * interval '1 second' as punched_at
    from moment as m
    cross join (
        values (1, 'in', 525), (2, 'field', 600), (3, 'field', 840), (4, 'out', 1080)
    ) as p (k, kind, minutes)
    where (m.n + m.d) % 23 <> 0
),

punches as (
    insert into core.punch (
        employee_id, record_id, user_id, punched_at, kind, device_id, system, batch_id, loaded_at
    )
    select employee_id, 'p' || n || '-' || d || '-' || k, user_id, punched_at, kind, 'phone', attendance, batch_id, loaded_at
    from punched cross join origin
),

places as (
    insert into place.punch_place (employee_id, record_id, punched_at, latitude, longitude, accuracy_m)
    select
        employee_id,
        'p' || n || '-' || d || '-' || k,
        punched_at,
        31 + (a + k - 2) % 5000 % 100 * 0.01 + 0.0005,
        121 + (a + k - 2) % 5000 / 100 * 0.01,
        20
    from punched
    where kind = 'field'
),

visits as (
    insert into core.visit (
        employee_id, visit_id, owner_id, account_id, planned_start, planned_end, status, modified_at, deleted, system,
        batch_id, loaded_at
    )
    select
        employee_id,
        'v' || n || '-' || d || '-' || k,
        crm_user_id,
        'a' || (a + k) % 5000,
        midnight + (600 + k * 240) * interval '1 minute',
        midnight + (660 + k * 240) * interval '1 minute',
        'done',
        midnight + interval '20 hours',
        false,
        crm,
        batch_id,
        loaded_at
    from moment cross join (values (0), (1)) as v (k) cross join origin
),

tasks as (
    insert into core.task (
        employee_id, task_id, owner_id, account_id, due_on, completed_at, status, modified_at, deleted, system, batch_id,
        loaded_at
    )
    select
        employee_id, 't' || n || '-' || d, crm_user_id, 'a' || a, on_day, midnight + interval '17 hours', 'done',
        midnight + interval '20 hours', false, crm, batch_id, loaded_at
    from moment cross join origin
    where (n + d) % 2 = 0
),

opportunities as (
    insert into core.opportunity (
        employee_id, opportunity_id, owner_id, account_id, stage, amount, currency, created_at, closed_on, is_won,
        modified_at, deleted, system, batch_id, loaded_at
    )
    select
        employee_id, 'o' || n || '-' || d, crm_user_id, 'a' || a, 'Won', 1000, 'CNY', midnight + interval '11 hours', on_day,
        true, midnight + interval '20 hours', false, crm, batch_id, loaded_at
    from moment cross join origin
    where (n + d) % 10 = 0
)

insert into core.leave (employee_id, approval_id, user_id, kind, start_at, end_at, system, batch_id, loaded_at)
select
    employee_id, 'l' || n || '-' || d, user_id, 'leave', midnight + interval '9 hours', midnight + interval '18 hours',
    attendance, batch_id, loaded_at
from moment cross join origin
where (n + d) % 23 = 0
