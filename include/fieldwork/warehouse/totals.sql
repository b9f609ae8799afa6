-- Sums of performance_day: by person, team and company, by day and month. One view a grain, all made from the one query
-- below, so that every sum of every view is a sum of the same days: parts add up to the whole, exactly.
-- Inputs: mart.performance_day, ref.rule_version, core.employee. Run whole after every migration, like views.sql; a view
-- is dropped only when its columns changed.
--
-- A row's team is the team on its day: who changes teams in mid-month counts in both. Averages of averages are not made:
-- rates and shares are sums over sums, and so is the index. Of each of its three shares the days' parts and wholes are
-- added up, a day's part and whole each times the weight that the rules of that day give it; over the sum of the bare
-- wholes these are the share's part in the index and its weight. With one set of weights this is the day's formula.
create or replace function report.add_amounts(one jsonb, other jsonb) returns jsonb
language sql immutable strict parallel safe
return (
    select jsonb_object_agg(currency, amount)
    from (
        select key as currency, sum(value::numeric) as amount
        from (
            select * from jsonb_each_text(one)
            union all
            select * from jsonb_each_text(other)
        ) as both_of_them
        group by key
    ) as added
);

comment on function report.add_amounts is 'Two sums by currency added, each currency by itself';

create or replace aggregate report.sum_amounts (jsonb)(sfunc = report.add_amounts, stype = jsonb, parallel = safe);

comment on aggregate report.sum_amounts (jsonb) is 'Sums by currency added up, each currency by itself';

do $totals$
declare
    query constant text := $view$
        create or replace view report.%1$I with (security_invoker = true) as
        with weight as materialized (
            select
                version,
                coalesce((weights ->> 'visits_verified')::numeric, 0) as visits,
                coalesce((weights ->> 'tasks_on_time')::numeric, 0) as tasks,
                coalesce((weights ->> 'attendance')::numeric, 0) as attendance
            from ref.rule_version
        ),

        summed as (
            select
                %2$s,
                count(*) as days,
                count(*) filter (where p.status in ('present', 'late', 'early', 'incomplete')) as days_present,
                count(*) filter (where p.status = 'late' or p.late_minutes > 0) as days_late,
                count(*) filter (where p.status = 'absent') as days_absent,
                sum(p.worked_minutes) as worked_minutes,
                sum(p.late_minutes) as late_minutes,
                sum(p.early_minutes) as early_minutes,
                sum(p.overtime_minutes) as overtime_minutes,
                sum(p.planned_days) as planned_days,
                sum(p.planned_minutes) as planned_minutes,
                sum(p.leave_minutes) as leave_minutes,
                sum(p.leave_days) as leave_days,
                sum(p.exposure_minutes) as exposure_minutes,
                sum(p.duty_minutes) as duty_minutes,
                sum(p.duty_kept_minutes) as duty_kept_minutes,
                sum(p.visits_planned) as visits_planned,
                sum(p.visits_done) as visits_done,
                sum(p.visits_verified) as visits_verified,
                sum(p.tasks_due) as tasks_due,
                sum(p.tasks_on_time) as tasks_on_time,
                sum(p.follow_ups) as follow_ups,
                sum(p.opportunities_created) as opportunities_created,
                sum(p.opportunities_won) as opportunities_won,
                sum(p.amount_won) as amount_won,
                report.sum_amounts(p.amount_won_other) as amount_won_other,
                coalesce(sum(p.visits_verified * w.visits) / nullif(sum(p.visits_planned), 0), 0)
                + coalesce(sum(p.tasks_on_time * w.tasks) / nullif(sum(p.tasks_due), 0), 0)
                + coalesce(sum(p.duty_kept_minutes * w.attendance) / nullif(sum(p.duty_minutes), 0), 0) as reached,
                coalesce(sum(p.visits_planned * w.visits) / nullif(sum(p.visits_planned), 0), 0)
                + coalesce(sum(p.tasks_due * w.tasks) / nullif(sum(p.tasks_due), 0), 0)
                + coalesce(sum(p.duty_minutes * w.attendance) / nullif(sum(p.duty_minutes), 0), 0) as possible
            from mart.performance_day as p
            join weight as w on p.rule_version = w.version
            left join core.employee as e on p.employee_id = e.employee_id
            group by %3$s
        )

        select
            %4$s,
            days, days_present, days_late, days_absent,
            worked_minutes, late_minutes, early_minutes, overtime_minutes,
            planned_days, planned_minutes, leave_minutes, leave_days,
            exposure_minutes, duty_minutes, duty_kept_minutes,
            visits_planned, visits_done, visits_verified, tasks_due, tasks_on_time, follow_ups,
            opportunities_created, opportunities_won, amount_won, amount_won_other,
            round(visits_verified / nullif(visits_planned, 0)::numeric, 4) as visits_verified_share,
            round(tasks_on_time / nullif(tasks_due, 0)::numeric, 4) as tasks_on_time_share,
            round(duty_kept_minutes / nullif(duty_minutes, 0)::numeric, 4) as duty_kept_share,
            round(visits_planned / nullif(planned_days, 0)::numeric, 4) as visits_planned_per_planned_day,
            round(visits_done / nullif(planned_days, 0)::numeric, 4) as visits_done_per_planned_day,
            round(visits_verified / nullif(planned_days, 0)::numeric, 4) as visits_verified_per_planned_day,
            round(tasks_due / nullif(planned_days, 0)::numeric, 4) as tasks_due_per_planned_day,
            round(tasks_on_time / nullif(planned_days, 0)::numeric, 4) as tasks_on_time_per_planned_day,
            round(follow_ups / nullif(planned_days, 0)::numeric, 4) as follow_ups_per_planned_day,
            round(opportunities_created / nullif(planned_days, 0)::numeric, 4)
                as opportunities_created_per_planned_day,
            round(opportunities_won / nullif(planned_days, 0)::numeric, 4) as opportunities_won_per_planned_day,
            round(amount_won / nullif(planned_days, 0), 2) as amount_won_per_planned_day,
            round(60.0 * visits_planned / nullif(exposure_minutes, 0), 4) as visits_planned_per_duty_hour,
            round(60.0 * visits_done / nullif(exposure_minutes, 0), 4) as visits_done_per_duty_hour,
            round(60.0 * visits_verified / nullif(exposure_minutes, 0), 4) as visits_verified_per_duty_hour,
            round(60.0 * tasks_due / nullif(exposure_minutes, 0), 4) as tasks_due_per_duty_hour,
            round(60.0 * tasks_on_time / nullif(exposure_minutes, 0), 4) as tasks_on_time_per_duty_hour,
            round(60.0 * follow_ups / nullif(exposure_minutes, 0), 4) as follow_ups_per_duty_hour,
            round(60.0 * opportunities_created / nullif(exposure_minutes, 0), 4)
                as opportunities_created_per_duty_hour,
            round(60.0 * opportunities_won / nullif(exposure_minutes, 0), 4) as opportunities_won_per_duty_hour,
            round(60.0 * amount_won / nullif(exposure_minutes, 0), 2) as amount_won_per_duty_hour,
            round(100 * reached / nullif(possible, 0), 2)::double precision as performance_index
        from summed
    $view$;
    month constant text := $sql$date_trunc('month', p.work_date)::date$sql$;
    person constant text := 'max(e.employee_no) as employee_no, max(e.name) as name';
    people constant text := 'count(distinct p.employee_id) as people';
    grain record;
    shown record;
    statement text;
begin
    for grain in
        select *
        from (values
            ('performance_month', 'p.employee_id', 'employee_id, employee_no, name, month', person, true,
            'performance_day by person and calendar month'),
            ('performance_member_month', 'p.team, p.employee_id', 'team, employee_id, employee_no, name, month', person,
            true, 'performance_day by team, person and month: who changed teams has a row in each'),
            ('performance_team_month', 'p.team', 'team, month, people', people, true,
            'performance_day by team and calendar month'),
            ('performance_team_day', 'p.team', 'team, work_date, people', people, false, 'performance_day by team'),
            ('performance_company_month', null, 'month, people', people, true,
            'performance_day of the whole company by calendar month'),
            ('performance_company_day', null, 'work_date, people', people, false,
            'performance_day of the whole company')
        ) as views (name, keys, columns, more, by_month, told)
    loop
        statement := format(
            query,
            grain.name,
            concat_ws(
                ', ', grain.keys, case when grain.by_month then month || ' as month' else 'p.work_date' end, grain.more
            ),
            concat_ws(', ', grain.keys, case when grain.by_month then month else 'p.work_date' end),
            grain.columns
        );
        begin
            execute statement;
        exception
            when invalid_table_definition then
                execute format('drop view report.%I', grain.name);
                execute statement;
        end;
        execute format('comment on view report.%I is %L', grain.name, grain.told);
        for shown in
            select a.attname as name, coalesce(
                col_description(day.attrelid, day.attnum), col_description(person.attrelid, person.attnum)
            ) as told
            from pg_attribute as a
            left join pg_attribute as day
                on day.attrelid = 'mart.performance_day'::regclass and a.attname = day.attname
            left join pg_attribute as person
                on person.attrelid = 'core.employee'::regclass and a.attname = person.attname
            where a.attrelid = format('report.%I', grain.name)::regclass and a.attnum > 0
        loop
            execute format(
                'comment on column report.%I.%I is %L',
                grain.name,
                shown.name,
                case shown.name
                    when 'month' then 'First day of the month'
                    when 'team' then 'The team on the day; null = none was known'
                    when 'people' then 'People with a published day'
                    when 'days' then 'Person-days published'
                    when 'days_present' then 'Days with a punch: present, late, early or incomplete'
                    when 'days_late' then 'Days late beyond the grace'
                    when 'days_absent' then 'Days absent'
                    when 'performance_index' then 'The index of the whole span, from its sums; null = nothing to measure'
                    when 'visits_verified_share' then 'visits_verified / visits_planned'
                    when 'tasks_on_time_share' then 'tasks_on_time / tasks_due'
                    when 'duty_kept_share' then 'duty_kept_minutes / duty_minutes'
                    else case
                        when shown.name in ('employee_id', 'employee_no', 'name', 'work_date') then shown.told
                        when shown.told is not null then 'Sum over the days: ' || shown.told
                        when shown.name like '%\_per\_planned\_day'
                            then replace(shown.name, '_per_planned_day', ' / planned_days')
                        else replace(shown.name, '_per_duty_hour', ' / hours of exposure_minutes')
                    end
                end
            );
        end loop;
    end loop;
end
$totals$;
