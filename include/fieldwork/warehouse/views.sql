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
    case when p.employee_id is null then e.team else p.team end as team,
    p.employee_id is not null
    or d.work_date >= coalesce(e.hired_on, d.work_date) and d.work_date <= coalesce(e.left_on, d.work_date) as employed,
    d.*,
    e.system,
    case when p.employee_id is null then e.manager_user_id else p.manager_user_id end as manager_user_id,
    p.manager_employee_id
from core.employee as e
cross join ref.shift_day as d
left join ref.post as p
    on e.employee_id = p.employee_id
    and d.work_date >= p.valid_from and d.work_date < coalesce(p.valid_to, 'infinity')
left join ref.roster as own
    on own.scope = 'employee' and e.employee_id = own.subject
    and d.work_date >= own.valid_from and d.work_date < coalesce(own.valid_to, 'infinity')
left join ref.roster as team
    on team.scope = 'team' and team.subject = case when p.employee_id is null then e.team else p.team end
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
    p.team,
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
left join core.employee as e on a.employee_id = e.employee_id
left join mart.performance_day as p on a.employee_id = p.employee_id and a.work_date = p.work_date;

create or replace view report.visit_check with (security_invoker = true) as
select
    c.employee_id,
    e.employee_no,
    e.name,
    p.team,
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
left join mart.performance_day as p on c.employee_id = p.employee_id and c.work_date = p.work_date
left join core.account as a on c.account_id = a.account_id;

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
    p.exposure_minutes,
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

create or replace view report.performance_month with (security_invoker = true) as
select
    employee_id,
    max(employee_no) as employee_no,
    max(name) as name,
    date_trunc('month', work_date)::date as month,
    count(*) as days,
    count(*) filter (where status in ('present', 'late', 'early', 'incomplete')) as days_present,
    count(*) filter (where status = 'late' or late_minutes > 0) as days_late,
    count(*) filter (where status = 'absent') as days_absent,
    sum(worked_minutes) as worked_minutes,
    sum(late_minutes) as late_minutes,
    sum(early_minutes) as early_minutes,
    sum(overtime_minutes) as overtime_minutes,
    sum(exposure_minutes) as exposure_minutes,
    sum(visits_planned) as visits_planned,
    sum(visits_done) as visits_done,
    sum(visits_verified) as visits_verified,
    sum(tasks_due) as tasks_due,
    sum(tasks_on_time) as tasks_on_time,
    sum(follow_ups) as follow_ups,
    sum(opportunities_created) as opportunities_created,
    sum(opportunities_won) as opportunities_won,
    sum(amount_won) as amount_won,
    round(avg(performance_index)::numeric, 2)::double precision as performance_index
from report.performance_day
group by employee_id, date_trunc('month', work_date);

create or replace view report.performance_team_month with (security_invoker = true) as
select
    team,
    date_trunc('month', work_date)::date as month,
    count(distinct employee_id) as people,
    count(*) as days,
    count(*) filter (where status in ('present', 'late', 'early', 'incomplete')) as days_present,
    count(*) filter (where status = 'late' or late_minutes > 0) as days_late,
    count(*) filter (where status = 'absent') as days_absent,
    sum(worked_minutes) as worked_minutes,
    sum(late_minutes) as late_minutes,
    sum(early_minutes) as early_minutes,
    sum(overtime_minutes) as overtime_minutes,
    sum(exposure_minutes) as exposure_minutes,
    sum(visits_planned) as visits_planned,
    sum(visits_done) as visits_done,
    sum(visits_verified) as visits_verified,
    sum(tasks_due) as tasks_due,
    sum(tasks_on_time) as tasks_on_time,
    sum(follow_ups) as follow_ups,
    sum(opportunities_created) as opportunities_created,
    sum(opportunities_won) as opportunities_won,
    sum(amount_won) as amount_won,
    round(avg(performance_index)::numeric, 2)::double precision as performance_index
from report.performance_day
group by team, date_trunc('month', work_date);

create or replace view report.unmatched_check_in with (security_invoker = true) as
select
    p.employee_id,
    e.employee_no,
    e.name,
    day.team,
    p.record_id,
    (p.punched_at at time zone v.time_zone)::date as work_date,
    p.punched_at as checked_in_at
from core.punch as p
join ref.rule_version as v
    on (p.punched_at at time zone 'UTC')::date >= v.valid_from
    and (p.punched_at at time zone 'UTC')::date < coalesce(v.valid_to, 'infinity')
left join core.employee as e on p.employee_id = e.employee_id
left join mart.performance_day as day
    on p.employee_id = day.employee_id and day.work_date = (p.punched_at at time zone v.time_zone)::date
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
comment on view report.performance_month is 'performance_day by person and calendar month';
comment on view report.performance_team_month is 'performance_day by team and calendar month';
comment on view report.post is 'Who was and is in which team under whom, span by span of days';
comment on column report.post.valid_from is 'First day; 1900-01-01 = before all records';
comment on column report.post.valid_to is 'First day no longer; null = open';
comment on column report.post.team is 'The team or department then';
comment on column report.post.manager_user_id is 'The manager then, by the id in the attendance system';
comment on column report.post.manager_employee_id is 'The manager, where somebody has said so; goes before manager_user_id';
comment on column report.post.rule is 'source, or manual where somebody has set it right';
comment on view report.unmatched_check_in is 'Field check-ins that prove no visit, near-duplicates of proofs left out';
comment on column report.visit_check.account is 'The customer''s name';
comment on column report.performance_month.month is 'First day of the month';
comment on column report.performance_month.days is 'Person-days published';
comment on column report.performance_month.days_present is 'Days with a punch: present, late, early or incomplete';
comment on column report.performance_month.days_late is 'Days late beyond the grace';
comment on column report.performance_month.days_absent is 'Days absent';
comment on column report.performance_month.performance_index is 'Mean of the days'' indices; null = nothing to measure';
comment on column report.performance_team_month.team is 'The team of the days: who moved is in both';
comment on column report.performance_team_month.month is 'First day of the month';
comment on column report.performance_team_month.people is 'People with a published day';
comment on column report.performance_team_month.days is 'Person-days published';
comment on column report.performance_team_month.days_present is 'Days with a punch: present, late, early or incomplete';
comment on column report.performance_team_month.days_late is 'Days late beyond the grace';
comment on column report.performance_team_month.days_absent is 'Days absent';
comment on column report.performance_team_month.performance_index is
'Mean of the days'' indices; null = nothing to measure';
comment on column report.attendance_day.team is 'The person''s team on the day';
comment on column report.visit_check.team is 'The person''s team on the day';
comment on column report.unmatched_check_in.team is 'The person''s team on the day; null = the day is not published';
comment on column ref.planned_shift.team is 'The person''s team on the day';
comment on column ref.planned_shift.manager_user_id is 'The manager on the day, by the id in the attendance system';
comment on column ref.planned_shift.manager_employee_id is 'The manager on the day, where somebody has said so';
comment on column report.unmatched_check_in.work_date is 'Local date of the check-in';
comment on column report.unmatched_check_in.checked_in_at is 'When it was made';
