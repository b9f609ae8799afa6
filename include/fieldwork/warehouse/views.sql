-- What is planned, and what analysts read. Views hold no data: this file is run whole after every migration.

create or replace view ref.shift_day with (security_invoker = true) as
select
    s.shift,
    c.work_date,
    c.kind as calendar_kind,
    v.version as rule_version,
    v.time_zone,
    c.work_date::timestamp at time zone v.time_zone as midnight,
    (c.work_date + 1)::timestamp at time zone v.time_zone as next_midnight,
    v.day_margin_minutes * interval '1 minute' as day_margin,
    s.kind as shift_kind,
    (c.work_date + s.starts) at time zone v.time_zone as starts_at,
    greatest(
        (c.work_date + (s.ends <= s.starts)::integer + s.ends) at time zone v.time_zone,
        (c.work_date + s.starts) at time zone v.time_zone + s.required_minutes * interval '1 minute'
    ) as ends_at,
    (c.work_date + (s.ends <= s.starts)::integer + s.ends) at time zone v.time_zone as earliest_ends_at,
    (c.work_date + (s.ends <= s.starts and s.break_starts < s.starts)::integer + s.break_starts)
        at time zone v.time_zone as break_starts_at,
    (c.work_date + (s.ends <= s.starts and s.break_ends <= s.starts)::integer + s.break_ends)
        at time zone v.time_zone as break_ends_at,
    s.grace_in_minutes,
    s.grace_out_minutes,
    s.required_minutes
from ref.shift as s
join ref.calendar_day as c on c.work_date >= s.valid_from and c.work_date < coalesce(s.valid_to, 'infinity')
join ref.rule_version as v on c.work_date >= v.valid_from and c.work_date < coalesce(v.valid_to, 'infinity');

-- Join it on (employee_id, work_date): whole, it is every person times every day.
create or replace view ref.planned_shift with (security_invoker = true) as
select
    e.employee_id,
    e.team,
    d.work_date >= coalesce(e.hired_on, d.work_date) and d.work_date <= coalesce(e.left_on, d.work_date) as employed,
    d.*
from core.employee as e
cross join ref.shift_day as d
left join ref.roster as own
    on own.scope = 'employee' and e.employee_id = own.subject
    and d.work_date >= own.valid_from and d.work_date < coalesce(own.valid_to, 'infinity')
left join ref.roster as team
    on team.scope = 'team' and e.team = team.subject
    and d.work_date >= team.valid_from and d.work_date < coalesce(team.valid_to, 'infinity')
left join ref.roster as company
    on company.scope = 'company'
    and d.work_date >= company.valid_from and d.work_date < coalesce(company.valid_to, 'infinity')
where d.shift = coalesce(own.shift, team.shift, company.shift);

create or replace view report.attendance_day with (security_invoker = true) as
select
    a.employee_id,
    e.employee_no,
    e.name,
    e.team,
    a.work_date,
    a.shift,
    a.shift_start,
    a.shift_end,
    a.first_in,
    a.last_out,
    a.punches,
    a.worked_minutes,
    a.late_minutes,
    a.early_minutes,
    a.overtime_minutes,
    a.leave_minutes,
    a.planned_minutes,
    a.status,
    a.anomalies,
    a.rule_version,
    a.published_at
from mart.attendance_day as a
left join core.employee as e on a.employee_id = e.employee_id;

create or replace view report.visit_check with (security_invoker = true) as
select
    c.employee_id,
    e.employee_no,
    e.name,
    e.team,
    c.visit_id,
    c.work_date,
    c.account_id,
    a.name as account,
    c.planned_start,
    c.planned_end,
    c.actual_start,
    c.actual_end,
    c.record_id,
    c.checked_in_at,
    c.minutes_off,
    c.distance_m,
    c.accuracy_m,
    c.score,
    c.verdict,
    c.reason,
    c.rule_version,
    c.published_at
from mart.visit_check as c
left join core.employee as e on c.employee_id = e.employee_id
left join core.account as a on c.account_id = a.account_id;

create or replace view report.performance_day with (security_invoker = true) as
select
    p.employee_id,
    e.employee_no,
    e.name,
    p.team,
    p.work_date,
    p.status,
    p.worked_minutes,
    p.late_minutes,
    p.early_minutes,
    p.overtime_minutes,
    p.planned_days,
    p.planned_minutes,
    p.leave_minutes,
    p.leave_days,
    p.exposure_minutes,
    p.duty_minutes,
    p.duty_kept_minutes,
    p.visits_planned,
    p.visits_done,
    p.visits_verified,
    p.tasks_due,
    p.tasks_on_time,
    p.follow_ups,
    p.opportunities_created,
    p.opportunities_won,
    p.amount_won,
    p.amount_won_other,
    p.performance_index,
    p.rule_version,
    p.published_at
from mart.performance_day as p
left join core.employee as e on p.employee_id = e.employee_id;

create or replace view report.amount_won_day with (security_invoker = true) as
select
    p.employee_id,
    p.team,
    p.work_date,
    won.currency,
    won.amount
from mart.performance_day as p
join ref.rule_version as v on p.rule_version = v.version
cross join lateral (
    select v.company_currency as currency, p.amount_won as amount
    where p.amount_won <> 0
    union all
    select other.key, other.value::numeric
    from jsonb_each_text(p.amount_won_other) as other
) as won;

create or replace view report.rule_version with (security_invoker = true) as
select
    v.version,
    v.valid_from,
    v.valid_to,
    coalesce((v.weights ->> 'visits_verified')::numeric, 0) as weight_visits_verified,
    coalesce((v.weights ->> 'tasks_on_time')::numeric, 0) as weight_tasks_on_time,
    coalesce((v.weights ->> 'attendance')::numeric, 0) as weight_attendance,
    v.company_currency,
    v.time_zone,
    v.duplicate_seconds,
    v.visit_before_minutes,
    v.visit_after_minutes,
    v.default_radius_m,
    v.accuracy_cap_m,
    v.overtime_tolerance_minutes,
    v.day_margin_minutes
from ref.rule_version as v;

create or replace view report.unmatched_check_in with (security_invoker = true) as
select
    p.employee_id,
    e.employee_no,
    e.name,
    e.team,
    p.record_id,
    (p.punched_at at time zone v.time_zone)::date as work_date,
    p.punched_at as checked_in_at
from core.punch as p
join ref.rule_version as v
    on (p.punched_at at time zone 'UTC')::date >= v.valid_from
    and (p.punched_at at time zone 'UTC')::date < coalesce(v.valid_to, 'infinity')
left join core.employee as e on p.employee_id = e.employee_id
where
    p.kind = 'field'
    and not exists (
        select
        from mart.visit_check as c
        where
            c.employee_id = p.employee_id
            and c.verdict = 'verified'
            and abs(extract(epoch from c.checked_in_at - p.punched_at)) <= v.duplicate_seconds
    );

-- A column says what it says in the table it comes from; what is said below wins.
do $$
declare
    here record;
begin
    for here in
        select
            quote_ident(view.relnamespace::regnamespace::text) || '.' || quote_ident(view.relname) || '.'
                || quote_ident(shown.attname) as column_name, (
            select col_description(origin.attrelid, origin.attnum)
            from pg_attribute as origin
            where
                origin.attname = shown.attname
                and origin.attrelid in (
                    'mart.performance_day'::regclass, 'mart.attendance_day'::regclass, 'mart.visit_check'::regclass,
                    'core.employee'::regclass, 'ref.shift'::regclass, 'ref.calendar_day'::regclass,
                    'ref.rule_version'::regclass, 'ref.shift_day'::regclass
                )
            order by origin.attrelid = coalesce(to_regclass('mart.' || view.relname), 0) desc, origin.attrelid
            limit 1
        ) as description
        from pg_class as view
        join pg_attribute as shown on view.oid = shown.attrelid
        where view.relnamespace in ('report'::regnamespace, 'ref'::regnamespace) and view.relkind = 'v'
    loop
        if here.description is not null then
            execute 'comment on column ' || here.column_name || ' is ' || quote_literal(here.description);
        end if;
    end loop;
end
$$;

comment on view ref.shift_day is 'Every shift on every calendar day as instants, with the rules in force';
comment on column ref.shift_day.midnight is 'When the date begins in the company''s zone';
comment on column ref.shift_day.next_midnight is 'When the next date begins';
comment on column ref.shift_day.day_margin is 'Punches this long before and after the shift still belong to its day';
comment on column ref.shift_day.starts_at is 'Planned start; of a flexible shift the latest that is not late';
comment on column ref.shift_day.ends_at is 'Planned end; of a flexible shift for somebody who starts at starts_at';
comment on column ref.shift_day.earliest_ends_at is 'Of a flexible shift the earliest end; else ends_at';
comment on column ref.shift_day.break_starts_at is 'Start of the unpaid break; null = none';
comment on column ref.shift_day.break_ends_at is 'End of the unpaid break';
comment on column ref.shift_day.calendar_kind is 'What kind of day it is (ref.calendar_day)';
comment on column ref.shift_day.shift_kind is 'fixed or flexible';
comment on view ref.planned_shift is
'What the roster plans for a person on a date: employee before team before company; grain (employee_id, work_date)';
comment on column ref.planned_shift.employed is 'From hired_on to left_on, both included';
comment on column ref.planned_shift.midnight is 'When the date begins in the company''s zone';
comment on column ref.planned_shift.next_midnight is 'When the next date begins';
comment on column ref.planned_shift.day_margin is 'Punches this long before and after the shift still belong to its day';
comment on column ref.planned_shift.starts_at is 'Planned start; of a flexible shift the latest that is not late';
comment on column ref.planned_shift.ends_at is 'Planned end; of a flexible shift for somebody who starts at starts_at';
comment on column ref.planned_shift.earliest_ends_at is 'Of a flexible shift the earliest end; else ends_at';
comment on column ref.planned_shift.break_starts_at is 'Start of the unpaid break; null = none';
comment on column ref.planned_shift.break_ends_at is 'End of the unpaid break';
comment on column ref.planned_shift.calendar_kind is 'What kind of day it is (ref.calendar_day)';
comment on column ref.planned_shift.shift_kind is 'fixed or flexible';
comment on view report.attendance_day is 'One row per person-day: the shift and what was punched';
comment on view report.visit_check is 'One row per visit that was not cancelled: was the person there';
comment on view report.performance_day is
'One row per person-day: attendance joined with what the CRM says was done';
comment on view report.amount_won_day is
'What was won, one row per person-day and currency; sums are sums of one currency alone';
comment on column report.amount_won_day.team is 'The team on the day';
comment on column report.amount_won_day.currency is 'ISO 4217 code';
comment on column report.amount_won_day.amount is 'Sum of the opportunities closed and won on the day';
comment on view report.rule_version is
'The rules by which days are computed, their weights and from when to when they hold (rules.md)';
comment on column report.rule_version.weight_visits_verified is
'Weight in the index of visits verified, of those planned';
comment on column report.rule_version.weight_tasks_on_time is 'Weight in the index of tasks on time, of those due';
comment on column report.rule_version.weight_attendance is 'Weight in the index of duty kept, of the duty';
comment on view report.unmatched_check_in is 'Field check-ins that prove no visit, near-duplicates of proofs left out';
comment on column report.visit_check.account is 'The customer''s name';
comment on column report.unmatched_check_in.work_date is 'Local date of the check-in';
comment on column report.unmatched_check_in.checked_in_at is 'When it was made';
