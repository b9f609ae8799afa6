-- What analysts read. Views hold no data: this file is run whole after every migration, after plans.sql.

create or replace view report.attendance_day with (security_invoker = true) as
select
    a.employee_id,
    e.employee_no,
    e.name,
    p.team,
    a.work_date,
    a.calendar_kind,
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
    a.trip_minutes,
    a.planned_minutes,
    a.attended_minutes,
    a.missed_minutes,
    a.hours_system,
    a.settlement,
    a.norm_minutes,
    a.status,
    a.anomalies,
    a.rule_version,
    a.published_at
from mart.attendance_day as a
left join core.employee as e on a.employee_id = e.employee_id
left join mart.performance_day as p on a.employee_id = p.employee_id and a.work_date = p.work_date;

-- Comprehensive hours: overtime is what is worked beyond the period's plan, not beyond a day's. Leave counts as worked;
-- work on public holidays stands apart, because it is paid as such in any case.
create or replace view report.hours_period with (security_invoker = true) as
with summed as (
    select
        a.employee_id,
        a.settlement,
        date_trunc(a.settlement, a.work_date::timestamp)::date as period_start,
        (date_trunc(a.settlement, a.work_date::timestamp) + case a.settlement
            when 'quarter' then interval '3 months'
            else ('1 ' || a.settlement)::interval
        end)::date as period_until,
        (array_agg(p.team order by a.work_date desc))[1] as team,
        count(*) as days,
        count(*) filter (where a.status = 'incomplete') as days_incomplete,
        count(*) filter (where a.status = 'absent') as days_absent,
        sum(a.norm_minutes) as norm_minutes,
        sum(a.planned_minutes) as planned_minutes,
        sum(a.leave_minutes) as leave_minutes,
        sum(a.worked_minutes) as worked_minutes,
        coalesce(sum(a.worked_minutes) filter (where a.calendar_kind = 'holiday'), 0) as holiday_minutes
    from mart.attendance_day as a
    left join mart.performance_day as p on a.employee_id = p.employee_id and a.work_date = p.work_date
    where a.hours_system = 'comprehensive'
    group by a.employee_id, a.settlement, date_trunc(a.settlement, a.work_date::timestamp)
)

select
    s.employee_id,
    e.employee_no,
    e.name,
    s.team,
    s.settlement,
    s.period_start,
    s.period_until,
    s.days,
    s.days = s.period_until - s.period_start as whole,
    s.days_incomplete,
    s.days_absent,
    s.norm_minutes,
    s.planned_minutes,
    s.leave_minutes,
    s.worked_minutes,
    s.holiday_minutes,
    greatest(0, s.worked_minutes - s.holiday_minutes + s.leave_minutes - s.norm_minutes) as overtime_minutes,
    greatest(0, s.norm_minutes - s.worked_minutes + s.holiday_minutes - s.leave_minutes) as short_minutes
from summed as s
left join core.employee as e on s.employee_id = e.employee_id;

create or replace view report.uncounted_punch with (security_invoker = true) as
select
    u.employee_id,
    e.employee_no,
    e.name,
    e.team,
    u.record_id,
    u.work_date,
    u.punched_at,
    u.kind,
    u.reason,
    e.hired_on,
    e.left_on,
    u.rule_version,
    u.published_at
from mart.uncounted_punch as u
left join core.employee as e on u.employee_id = e.employee_id;

create or replace view report.performance_day with (security_invoker = true) as
select
    p.employee_id,
    e.employee_no,
    e.name,
    p.team,
    p.manager_employee_id,
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
    v.day_margin_minutes,
    v.long_span_minutes,
    v.leave_joins_break,
    v.nearby_m,
    v.poor_accuracy_m,
    v.speed_limit_kmh
from ref.rule_version as v;

-- What was known of everybody's posts at any time, and what is now: whole lives, without gaps but those of employment.
create or replace view report.post with (security_invoker = true) as
with kept as (
    select employee_id, range_agg(daterange(valid_from, valid_to)) as days
    from ref.post
    group by employee_id
)

select
    e.employee_id,
    e.employee_no,
    e.name,
    lower(rest.days) as valid_from,
    upper(rest.days) as valid_to,
    e.team,
    e.manager_user_id,
    null::text as manager_employee_id,
    'source' as rule
from core.employee as e
left join kept on e.employee_id = kept.employee_id
cross join lateral unnest(
    datemultirange(
        daterange(
            coalesce(e.hired_on, '1900-01-01'), case when e.left_on < e.hired_on then e.hired_on else e.left_on + 1 end
        )
    ) - coalesce(kept.days, '{}'::datemultirange)
) as rest (days)
where e.same_as is null
union all
select
    p.employee_id,
    e.employee_no,
    e.name,
    p.valid_from,
    p.valid_to,
    p.team,
    p.manager_user_id,
    p.manager_employee_id,
    p.rule
from ref.post as p
join core.employee as e on p.employee_id = e.employee_id;

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
                    'mart.uncounted_punch'::regclass, 'mart.unmatched_check_in'::regclass, 'core.employee'::regclass,
                    'ref.rule_version'::regclass
                )
            order by origin.attrelid = coalesce(to_regclass('mart.' || view.relname), 0) desc, origin.attrelid
            limit 1
        ) as description
        from pg_class as view
        join pg_attribute as shown on view.oid = shown.attrelid
        where view.relnamespace = 'report'::regnamespace and view.relkind = 'v'
    loop
        if here.description is not null then
            execute 'comment on column ' || here.column_name || ' is ' || quote_literal(here.description);
        end if;
    end loop;
end
$$;

comment on view report.attendance_day is 'One row per person-day: the shift and what was punched';
comment on view report.hours_period is
'Comprehensive hours (综合计算工时制): attendance_day by person and settlement period';
comment on column report.hours_period.settlement is 'The period that is settled: week, month, quarter or year';
comment on column report.hours_period.period_start is 'First day of the period';
comment on column report.hours_period.period_until is 'First day after the period';
comment on column report.hours_period.days is 'Person-days published';
comment on column report.hours_period.whole is 'Every day of the period is published under this system';
comment on column report.hours_period.days_incomplete is 'Days with a missing punch: what was worked on them is unknown';
comment on column report.hours_period.days_absent is 'Days absent';
comment on column report.hours_period.norm_minutes is 'The period''s plan: the sum of the days'' norm_minutes';
comment on column report.hours_period.planned_minutes is 'What the shifts planned';
comment on column report.hours_period.leave_minutes is 'Leave, trips and outings inside the shifts; they count as worked';
comment on column report.hours_period.worked_minutes is 'Minutes worked, those on public holidays too';
comment on column report.hours_period.holiday_minutes is 'Of these, on public holidays: paid as such, no part of overtime';
comment on column report.hours_period.overtime_minutes is 'Worked (not on holidays) and on leave beyond the period''s plan';
comment on column report.hours_period.short_minutes is 'What is missing to the period''s plan';
comment on view report.uncounted_punch is 'Punches of days outside employment: they count nowhere';
comment on view report.performance_day is
'One row per person-day: attendance joined with what the CRM says was done';
comment on view report.post is 'Who was and is in which team under whom, span by span of days';
comment on column report.post.valid_from is 'First day; 1900-01-01 = before all records';
comment on column report.post.valid_to is 'First day no longer; null = open';
comment on column report.post.team is 'The team or department then';
comment on column report.post.manager_user_id is 'The manager then, by the id in the attendance system';
comment on column report.post.manager_employee_id is 'The manager, where somebody has said so; goes before manager_user_id';
comment on column report.post.rule is 'source, or manual where somebody has set it right';
comment on column report.attendance_day.team is 'The person''s team on the day';
comment on column report.hours_period.team is 'The person''s team on the last published day of the period';
comment on column report.visit_check.team is 'The person''s team on the day';
comment on column report.unproven_visit.team is 'The person''s team on the day';
comment on column report.unmatched_check_in.team is 'The person''s team on the day';
comment on column report.off_plan_visit.team is 'The person''s team on the day';
comment on column report.location_signal.team is 'The person''s team on the day';
comment on column report.rescheduled_visit.team is 'The person''s team on the day for which it was planned before';
comment on column report.uncounted_punch.team is 'The person''s team now';
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
