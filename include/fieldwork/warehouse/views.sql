-- The one function that says what is planned, and the views that analysts read. They hold no data: this file is run
-- whole after every migration.

-- Grain: one row for any person and any date. Scope: employee before team before company; a shift named in p_shift wins
-- over the roster. It is a single select, so that PostgreSQL unfolds it into the query that joins it laterally.
create or replace function ref.planned_shift(p_employee_id text, p_work_date date, p_shift text default null)
returns table (
    team text,
    employed boolean,
    calendar_kind text,
    rule_version text,
    time_zone text,
    midnight timestamptz,
    next_midnight timestamptz,
    day_margin interval,
    shift text,
    shift_kind text,
    starts_at timestamptz,
    ends_at timestamptz,
    earliest_ends_at timestamptz,
    break_starts_at timestamptz,
    break_ends_at timestamptz,
    grace_in_minutes integer,
    grace_out_minutes integer,
    required_minutes integer
)
language sql stable
as $$
    select
        e.team,
        e.employee_id is not null
            and p_work_date >= coalesce(e.hired_on, p_work_date)
            and p_work_date <= coalesce(e.left_on, p_work_date),
        c.kind,
        v.version,
        v.time_zone,
        p_work_date::timestamp at time zone v.time_zone,
        (p_work_date + 1)::timestamp at time zone v.time_zone,
        v.day_margin_minutes * interval '1 minute',
        s.shift,
        s.kind,
        (p_work_date + s.starts) at time zone v.time_zone,
        greatest(
            (p_work_date + (s.ends <= s.starts)::integer + s.ends) at time zone v.time_zone,
            (p_work_date + s.starts) at time zone v.time_zone + s.required_minutes * interval '1 minute'
        ),
        (p_work_date + (s.ends <= s.starts)::integer + s.ends) at time zone v.time_zone,
        (p_work_date + (s.ends <= s.starts and s.break_starts < s.starts)::integer + s.break_starts)
            at time zone v.time_zone,
        (p_work_date + (s.ends <= s.starts and s.break_ends <= s.starts)::integer + s.break_ends)
            at time zone v.time_zone,
        s.grace_in_minutes,
        s.grace_out_minutes,
        s.required_minutes
    from ref.rule_version as v
    left join core.employee as e on e.employee_id = p_employee_id
    left join ref.calendar_day as c on c.work_date = p_work_date
    left join ref.roster as own
        on own.scope = 'employee' and own.subject = p_employee_id
        and p_work_date >= own.valid_from and p_work_date < coalesce(own.valid_to, 'infinity')
    left join ref.roster as team
        on team.scope = 'team' and team.subject = e.team
        and p_work_date >= team.valid_from and p_work_date < coalesce(team.valid_to, 'infinity')
    left join ref.roster as company
        on company.scope = 'company'
        and p_work_date >= company.valid_from and p_work_date < coalesce(company.valid_to, 'infinity')
    left join ref.shift as s
        on s.shift = coalesce(p_shift, own.shift, team.shift, company.shift)
        and p_work_date >= s.valid_from and p_work_date < coalesce(s.valid_to, 'infinity')
    where p_work_date >= v.valid_from and p_work_date < coalesce(v.valid_to, 'infinity')
$$;

comment on function ref.planned_shift(text, date, text) is
'What is planned for a person on a date: the shift as instants, the kind of day, the rules in force';
