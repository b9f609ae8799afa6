-- Why is it so? Functions for analysts, and for `fieldwork explain`: the columns of a row with their rules and inputs, the
-- source rows that they come from with the batches that brought these, and what the checks said of them.
-- Inputs: mart, core, ref, ops. Run whole after every migration. They see what their caller may see; no name, no place.
-- What they return may change with the version.
drop function if exists
    report.explain_row(text, jsonb, jsonb), report.explain_performance(text, date), report.explain_visit(text),
    report.explain_punch(text), report.explain_source(text, date), report.explain_check(text, date);

create or replace function report.fill_in(rule text, facts jsonb) returns text
language sql immutable parallel safe
return (
    -- what stands between braces is every second part
    select string_agg(case when place % 2 = 0 then coalesce(facts ->> part, '?') else part end, '' order by place)
    from regexp_split_to_table(rule, '[{}]') with ordinality as parts (part, place)
);

comment on function report.fill_in is 'A rule in words with {names} replaced by their values';

create function report.explain_row(of_dataset text, content jsonb, facts jsonb)
returns table (
    dataset text, column_name text, value text, rule text, rule_version text, inputs json, sources text[]
)
language sql stable parallel safe
as $$
    select
        e.dataset,
        e.column_name,
        content ->> e.column_name,
        report.fill_in(e.rule, facts),
        content ->> 'rule_version',
        (
            select json_object_agg(name, facts -> name order by place)
            from unnest(e.inputs) with ordinality as input (name, place)
        ),
        e.sources
    from report.explanation as e
    join pg_attribute as a on a.attrelid = ('mart.' || of_dataset)::regclass and e.column_name = a.attname
    where e.dataset = of_dataset
    order by a.attnum
$$;

comment on function report.explain_row is 'The columns of one row of a joined table, each with its rule and its inputs';

create or replace function report.rules_of(of_version text, of_shift text, on_day date, planned integer) returns jsonb
language sql stable parallel safe
as $$
    select to_jsonb(v) - 'weights' || jsonb_build_object(
        'visits_weight', coalesce(v.weights -> 'visits_verified', '0'),
        'tasks_weight', coalesce(v.weights -> 'tasks_on_time', '0'),
        'attendance_weight', coalesce(v.weights -> 'attendance', '0')
    ) || coalesce((
        -- of a half workday the half that has as many minutes as are planned
        select to_jsonb(s)
        from ref.shift_day as s
        where s.shift = of_shift and s.work_date = on_day
        order by (s.planned_minutes = planned) desc, (s.half = 'whole') desc, s.half
        limit 1
    ), '{}')
    from ref.rule_version as v
    where v.version = of_version
$$;

comment on function report.rules_of is 'The rules of a version and the shift of a day as one object';

create function report.explain_performance(of_employee text, on_day date)
returns table (
    dataset text, column_name text, value text, rule text, rule_version text, inputs json, sources text[]
)
language sql stable parallel safe
as $$
    select e.*
    from mart.attendance_day as a
    join mart.performance_day as p on a.employee_id = p.employee_id and a.work_date = p.work_date
    cross join lateral (
        select report.rules_of(a.rule_version, a.shift, a.work_date, a.planned_minutes) || to_jsonb(a) || to_jsonb(p)
            as facts
    ) as known
    cross join lateral (
        select * from report.explain_row('performance_day', to_jsonb(p), known.facts)
        union all
        select * from report.explain_row('attendance_day', to_jsonb(a), known.facts)
    ) as e
    where a.employee_id = of_employee and a.work_date = on_day
$$;

comment on function report.explain_performance is
'Every column of a person-day (performance_day and attendance_day): value, rule in words, inputs, kinds of source rows';

create function report.explain_visit(of_visit text)
returns table (
    dataset text, column_name text, value text, rule text, rule_version text, inputs json, sources text[]
)
language sql stable parallel safe
as $$
    select e.*
    from mart.visit_check as c
    left join mart.attendance_day as a on c.employee_id = a.employee_id and c.work_date = a.work_date
    cross join lateral report.explain_row(
        'visit_check',
        to_jsonb(c),
        report.rules_of(c.rule_version, a.shift, c.work_date, a.planned_minutes) || to_jsonb(c)
    ) as e
    where c.visit_id = of_visit
$$;

comment on function report.explain_visit is
'Every column of a visit''s check: value, rule in words, inputs, kinds of source rows';

create function report.explain_punch(of_record text)
returns table (
    dataset text, column_name text, value text, rule text, rule_version text, inputs json, sources text[]
)
language sql stable parallel safe
as $$
    select e.*
    from (
        select 'unmatched_check_in' as dataset, u.rule_version, u.work_date, to_jsonb(u) as content
        from mart.unmatched_check_in as u
        where u.record_id = of_record
        union all
        select 'uncounted_punch', u.rule_version, u.work_date, to_jsonb(u)
        from mart.uncounted_punch as u
        where u.record_id = of_record
    ) as told
    cross join lateral report.explain_row(
        told.dataset, told.content, report.rules_of(told.rule_version, null, told.work_date, null) || told.content
    ) as e
$$;

comment on function report.explain_punch is
'Every column of a check-in that proves no visit, or of a punch that counts nowhere: value, rule in words, inputs, kinds of'
' source rows';

create function report.explain_source(of_employee text, on_day date)
returns table (
    kind text, record_id text, part_of text, happened_at timestamptz, told text, counts_in text[], system text,
    batch_id bigint, loaded_at timestamptz
)
language sql stable parallel safe
as $$
    with day as (
        -- of a day outside employment there is no attendance
        select
            of_employee as employee_id,
            on_day as work_date,
            a.first_in,
            a.last_out,
            a.leave_minutes,
            a.shift_end,
            v.time_zone,
            v.default_radius_m,
            on_day::timestamp at time zone v.time_zone as midnight,
            (on_day + 1)::timestamp at time zone v.time_zone as next_midnight
        from ref.rule_version as v
        left join mart.attendance_day as a on a.employee_id = of_employee and a.work_date = on_day
        where on_day >= v.valid_from and on_day < coalesce(v.valid_to, 'infinity')
    )

    select
        'punch',
        p.record_id,
        null,
        p.punched_at,
        concat_ws(', ', p.kind, 'compared with ' || (p.base_at at time zone d.time_zone)::text,
            'for ' || p.work_date),
        array_remove(array[
            case when p.punched_at = d.first_in and p.kind in ('in', 'field') then 'first_in' end,
            case when p.punched_at = d.last_out and p.kind in ('out', 'field') then 'last_out' end
        ], null),
        p.system,
        p.batch_id,
        p.loaded_at
    from day as d
    join core.punch as p
        on d.employee_id = p.employee_id
        and p.punched_at >= d.midnight - interval '36 hours' and p.punched_at < d.next_midnight + interval '36 hours'
    where
        p.work_date = on_day
        or abs(p.work_date - (p.punched_at at time zone d.time_zone)::date) <= 1 is not true
        and p.punched_at >= d.midnight - interval '12 hours'
        and p.punched_at < d.next_midnight + interval '12 hours'
    union all
    select
        'leave',
        l.approval_id,
        null,
        l.start_at,
        l.kind || ' until ' || (l.end_at at time zone d.time_zone)::text,
        case when l.kind <> 'overtime' and d.leave_minutes > 0 then array['leave_minutes'] else '{}' end,
        l.system,
        l.batch_id,
        l.loaded_at
    from day as d
    join core.leave as l
        on d.employee_id = l.employee_id
        and l.start_at < greatest(d.next_midnight, d.shift_end) and l.end_at > d.midnight
    union all
    select
        'visit',
        v.visit_id,
        null,
        v.planned_start,
        concat_ws(', ', v.status, case when v.deleted then 'deleted' end, c.verdict, 'account ' || v.account_id),
        array_remove(array[
            case when c.visit_id is not null then 'visits_planned' end,
            case when c.visit_id is not null and v.status = 'done' then 'visits_done' end,
            case when c.verdict = 'verified' then 'visits_verified' end
        ], null),
        v.system,
        v.batch_id,
        v.loaded_at
    from day as d
    join core.visit as v
        on d.employee_id = v.employee_id and v.planned_start >= d.midnight and v.planned_start < d.next_midnight
    left join mart.visit_check as c
        on v.employee_id = c.employee_id and v.visit_id = c.visit_id and d.work_date = c.work_date
    union all
    select
        'account',
        r.account_id,
        v.told_of,
        null,
        concat_ws(', ',
            case when r.latitude is null or r.longitude is null or (r.latitude, r.longitude) = (0, 0)
                then 'no position' else 'has a position' end,
            'radius ' || coalesce(r.radius_m, d.default_radius_m) || ' m'),
        '{}',
        r.system,
        r.batch_id,
        r.loaded_at
    from day as d
    join (
        select employee_id, work_date, visit_id, account_id from mart.visit_check
        union all
        select employee_id, work_date, record_id, account_id from mart.unmatched_check_in
    ) as v (employee_id, work_date, told_of, account_id)
        on d.employee_id = v.employee_id and d.work_date = v.work_date
    join core.account as r on v.account_id = r.account_id
    union all
    select
        'task',
        t.task_id,
        null,
        coalesce(t.completed_at, t.due_on::timestamp at time zone d.time_zone),
        concat_ws(', ', 'due ' || t.due_on, t.status, case when t.deleted then 'deleted' end),
        array_remove(array[
            case when t.due_on = on_day and t.status <> 'cancelled' and not t.deleted then 'tasks_due' end,
            case when t.due_on = on_day and t.status = 'done' and t.completed_at < d.next_midnight and not t.deleted
                then 'tasks_on_time' end,
            case when t.status = 'done' and t.completed_at >= d.midnight and t.completed_at < d.next_midnight
                and t.account_id is not null and not t.deleted then 'follow_ups' end
        ], null),
        t.system,
        t.batch_id,
        t.loaded_at
    from day as d
    join core.task as t
        on d.employee_id = t.employee_id
        and (t.due_on = on_day or t.completed_at >= d.midnight and t.completed_at < d.next_midnight)
    union all
    select
        'opportunity',
        o.opportunity_id,
        null,
        o.created_at,
        concat_ws(', ', o.stage, 'closes ' || o.closed_on, o.amount || ' ' || o.currency,
            case when o.is_won then 'won' end, case when o.deleted then 'deleted' end),
        array_remove(array[
            case when o.created_at >= d.midnight and o.created_at < d.next_midnight and not o.deleted
                then 'opportunities_created' end,
            case when o.closed_on = on_day and o.is_won and not o.deleted then 'opportunities_won' end
        ], null),
        o.system,
        o.batch_id,
        o.loaded_at
    from day as d
    join core.opportunity as o
        on d.employee_id = o.employee_id
        and (o.created_at >= d.midnight and o.created_at < d.next_midnight or o.closed_on = on_day)
    order by 1, 4, 2
$$;

comment on function report.explain_source is
'The source rows of a person-day as they stand now: what each counts in, and which batch brought it; an account is part of'
' its visit, or of the check-in that is at or near it. Punches'
' without a stated day are those within half a day of the date; which belong to its working day: `fieldwork explain`';

create function report.explain_check(of_employee text, on_day date)
returns table (
    batch_id bigint, dataset text, run_id text, window_start timestamptz, window_end timestamptz, passed bigint,
    failed text[], could_not_run text[]
)
language sql stable parallel safe
as $$
    with told as (
        -- the batches that brought the day's source rows, and, as batch 0, the audit of the run that published the day
        select b.batch_id, b.stream as dataset, b.run_id, b.window_start, b.window_end
        from ops.batch as b
        where b.batch_id in (select s.batch_id from report.explain_source(of_employee, on_day) as s)
        union all
        select distinct 0, c.dataset, audit.run_id, null::timestamptz, null::timestamptz
        from (
            select s.run_id
            from mart.performance_day as p
            join ops.step as s
                on s.step = 'publish' and s.started_at <= p.published_at and s.finished_at >= p.published_at
            where p.employee_id = of_employee and p.work_date = on_day
            order by s.finished_at
            limit 1
        ) as audit
        join ops.check_result as c on audit.run_id = c.run_id and c.batch_id = 0
    )

    select
        t.batch_id,
        t.dataset,
        t.run_id,
        t.window_start,
        t.window_end,
        count(*) filter (where c.outcome = 'passed'),
        coalesce(array_agg(c.rule order by c.rule) filter (where c.outcome = 'failed'), '{}'),
        coalesce(array_agg(c.rule order by c.rule) filter (where c.outcome = 'could_not_run'), '{}')
    from told as t
    left join ops.check_result as c on t.run_id = c.run_id and t.dataset = c.dataset and t.batch_id = c.batch_id
    group by t.batch_id, t.dataset, t.run_id, t.window_start, t.window_end
    order by t.batch_id, t.dataset
$$;

comment on function report.explain_check is
'What the checks said of the batches that brought a person-day''s source rows, and of the audit before it was published';
