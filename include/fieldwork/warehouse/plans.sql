-- What is planned: days, shifts on days, who works which. Views hold no data: this file is run whole after every
-- migration, before views.sql.

create or replace view ref.day with (security_invoker = true) as
select
    c.work_date,
    c.kind as calendar_kind,
    c.half,
    v.version as rule_version,
    v.time_zone,
    c.work_date::timestamp at time zone v.time_zone as midnight,
    (c.work_date + 1)::timestamp at time zone v.time_zone as next_midnight,
    v.day_margin_minutes * interval '1 minute' as day_margin
from ref.calendar_day as c
join ref.rule_version as v on c.work_date >= v.valid_from and c.work_date < coalesce(v.valid_to, 'infinity');

-- A shift's clocks as instants. A clock before the shift's start is on the day after; a span that a change of the clocks
-- turns around is empty. On a half workday there are two rows: the whole shift, and the half that is worked. A shift is
-- halved at the longest of its pauses (breaks, and the gaps between its parts), else in its middle; half a flexible shift
-- requires half of what is left when that pause is taken out. Materialized: computed once, not once for each use.
create or replace view ref.shift_hours with (security_invoker = true) as
with whole as materialized (
    select
        s.shift,
        d.work_date,
        worked.half,
        d.midnight,
        d.next_midnight,
        d.day_margin,
        s.kind as shift_kind,
        (d.work_date + s.starts) at time zone d.time_zone as starts_at,
        (d.work_date + (s.ends <= s.starts)::integer + s.ends) at time zone d.time_zone as ends_at,
        (d.work_date + s.earliest_starts) at time zone d.time_zone as earliest_starts_at,
        coalesce((
            select range_agg(tstzrange(span.starts_at, greatest(span.starts_at, span.ends_at)))
            from generate_subscripts(s.breaks, 1) as n
            cross join lateral (
                select
                    (d.work_date + (s.ends <= s.starts and s.breaks[n][1] < s.starts)::integer + s.breaks[n][1])
                        at time zone d.time_zone as starts_at,
                    (d.work_date + (s.ends <= s.starts and s.breaks[n][2] <= s.starts)::integer + s.breaks[n][2])
                        at time zone d.time_zone as ends_at
            ) as span
        ), '{}') as breaks,
        (
            select range_agg(tstzrange(span.starts_at, greatest(span.starts_at, span.ends_at)))
            from generate_subscripts(s.parts, 1) as n
            cross join lateral (
                select
                    (d.work_date + (s.ends <= s.starts and s.parts[n][1] < s.starts)::integer + s.parts[n][1])
                        at time zone d.time_zone as starts_at,
                    (d.work_date + (s.ends <= s.starts and s.parts[n][2] <= s.starts)::integer + s.parts[n][2])
                        at time zone d.time_zone as ends_at
            ) as span
        ) as parts,
        s.grace_in_minutes,
        s.grace_out_minutes,
        s.required_minutes
    from ref.shift as s
    join ref.day as d on d.work_date >= s.valid_from and d.work_date < coalesce(s.valid_to, 'infinity')
    cross join lateral (
        select 'whole' as half
        union all
        select d.half where d.half is not null
    ) as worked
),

halved as materialized (
    select
        w.*,
        case when w.half <> 'whole' then (
            select pause
            from unnest(w.breaks + coalesce(tstzmultirange(range_merge(w.parts)) - w.parts, '{}')) as pause
            order by upper(pause) - lower(pause) desc, lower(pause)
            limit 1
        ) end as noon,
        w.starts_at + (w.ends_at - w.starts_at) / 2 as middle
    from whole as w
),

cut as materialized (
    select
        h.*,
        case when h.half = 'second' then coalesce(upper(h.noon), h.middle) else h.starts_at end as begins_at,
        case when h.half = 'first' then coalesce(lower(h.noon), h.middle) else h.ends_at end as stops_at,
        case
            when h.half = 'whole' then h.required_minutes
            else (h.required_minutes - coalesce(extract(epoch from upper(h.noon) - lower(h.noon)) / 60, 0)) / 2
        end as required
    from halved as h
),

worked as materialized (
    select
        c.*,
        greatest(c.begins_at, c.stops_at) as earliest_ends_at,
        greatest(c.begins_at, c.stops_at, c.begins_at + c.required * interval '1 minute') as leaves_at,
        case
            when c.half = 'whole' then c.breaks
            when c.half = 'first' then c.breaks * tstzmultirange(tstzrange(null, c.stops_at))
            else c.breaks * tstzmultirange(tstzrange(c.begins_at, null))
        end as kept_breaks,
        case when c.half = 'whole' then c.parts
            else c.parts * tstzmultirange(tstzrange(c.begins_at, greatest(c.begins_at, c.stops_at))) end as kept_parts
    from cut as c
),

paused as materialized (
    select
        w.*,
        w.kept_breaks + coalesce(tstzmultirange(range_merge(w.kept_parts)) - w.kept_parts, '{}') as pauses
    from worked as w
)

select
    p.shift,
    p.work_date,
    p.half,
    p.midnight,
    p.next_midnight,
    p.day_margin,
    p.shift_kind,
    p.begins_at as starts_at,
    p.leaves_at as ends_at,
    p.earliest_ends_at,
    p.earliest_starts_at,
    p.kept_breaks as breaks,
    p.pauses,
    coalesce(lower(p.pauses), p.begins_at) as break_starts_at,
    coalesce(upper(p.pauses), p.begins_at) as break_ends_at,
    (select count(*) from unnest(p.pauses))::integer as pause_count,
    p.kept_parts as parts,
    greatest(1, (select count(*) from unnest(p.kept_parts)))::integer as part_count,
    (
        select coalesce(floor(sum(extract(epoch from upper(span) - lower(span))) / 60), 0)
        from unnest(tstzmultirange(tstzrange(p.begins_at, p.leaves_at)) - p.pauses) as span
    )::integer as planned_minutes,
    p.grace_in_minutes,
    p.grace_out_minutes,
    p.required::integer as required_minutes
from paused as p;

-- Who works which shift: of a date's own row (roster.csv), then the person's, the team's and the company's roster the
-- first that holds. Team, manager and employment are those of the day: ref.post says what was, core.employee what is now.
-- Join it on (employee_id, work_date): whole, it is every person times every day.
create or replace view ref.rostered with (security_invoker = true) as
select
    e.employee_id,
    post.team,
    post.employed,
    d.work_date,
    d.calendar_kind,
    d.rule_version,
    d.time_zone,
    d.midnight,
    d.next_midnight,
    d.day_margin,
    turn.shift,
    turn.follows,
    turn.shift <> 'rest' and (
        turn.follows = 'nothing'
        or turn.follows = 'holidays' and d.calendar_kind <> 'holiday'
        or d.calendar_kind in ('workday', 'makeup')
    ) as working,
    case when turn.follows = 'calendar' and d.half is not null then d.half else 'whole' end as half,
    e.system,
    post.manager_user_id,
    post.manager_employee_id
from core.employee as e
cross join ref.day as d
left join ref.post as p
    on e.employee_id = p.employee_id
    and d.work_date >= p.valid_from and d.work_date < coalesce(p.valid_to, 'infinity')
cross join lateral (
    select
        p.employee_id is not null
        or d.work_date >= coalesce(e.hired_on, d.work_date) and d.work_date <= coalesce(e.left_on, d.work_date)
            as employed,
        case when p.employee_id is null then e.team else p.team end as team,
        case when p.employee_id is null then e.manager_user_id else p.manager_user_id end as manager_user_id,
        p.manager_employee_id
) as post
left join ref.roster_day as dated on e.employee_id = dated.employee_id and d.work_date = dated.work_date
left join ref.roster as own
    on own.scope = 'employee' and e.employee_id = own.subject
    and d.work_date >= own.valid_from and d.work_date < coalesce(own.valid_to, 'infinity')
left join ref.roster as team
    on team.scope = 'team' and post.team = team.subject
    and d.work_date >= team.valid_from and d.work_date < coalesce(team.valid_to, 'infinity')
left join ref.roster as company
    on company.scope = 'company'
    and d.work_date >= company.valid_from and d.work_date < coalesce(company.valid_to, 'infinity')
cross join lateral (
    select
        -- a pattern begins at its anchor and repeats in both directions
        coalesce(
            dated.shift,
            own.shift,
            own.pattern[1 + mod(
                mod(d.work_date - own.anchor, cardinality(own.pattern)) + cardinality(own.pattern),
                cardinality(own.pattern)
            )],
            team.shift,
            team.pattern[1 + mod(
                mod(d.work_date - team.anchor, cardinality(team.pattern)) + cardinality(team.pattern),
                cardinality(team.pattern)
            )],
            company.shift,
            company.pattern[1 + mod(
                mod(d.work_date - company.anchor, cardinality(company.pattern)) + cardinality(company.pattern),
                cardinality(company.pattern)
            )]
        ) as shift,
        case when dated.shift is not null then 'nothing' else coalesce(own.follows, team.follows, company.follows) end
            as follows
) as turn
where turn.shift is not null;

-- The same with the shift's hours; on a day of rest by the roster there are none.
create or replace view ref.planned_shift with (security_invoker = true) as
select
    r.employee_id,
    r.team,
    r.employed,
    r.shift,
    r.work_date,
    r.calendar_kind,
    r.rule_version,
    r.time_zone,
    r.midnight,
    r.next_midnight,
    r.day_margin,
    r.follows,
    r.working,
    r.half,
    s.shift_kind,
    s.starts_at,
    s.ends_at,
    s.earliest_ends_at,
    s.earliest_starts_at,
    s.breaks,
    s.parts,
    s.planned_minutes,
    s.grace_in_minutes,
    s.grace_out_minutes,
    s.required_minutes,
    r.system,
    r.manager_user_id,
    r.manager_employee_id
from ref.rostered as r
left join ref.shift_day as s on r.shift = s.shift and r.work_date = s.work_date and r.half = s.half;

-- The kept hours follow their definition; later, the rules keep them so (rules/shift_day.sql).
delete from ref.shift_day;
insert into ref.shift_day
select * from ref.shift_hours;

-- A column says what it says in the table it comes from; what is said below wins.
do $$
declare
    here record;
begin
    for here in
        select
            'ref.' || quote_ident(view.relname) || '.' || quote_ident(shown.attname) as column_name, (
            select col_description(origin.attrelid, origin.attnum)
            from pg_attribute as origin
            where
                origin.attname = shown.attname
                and origin.attrelid in (
                    'core.employee'::regclass, 'ref.shift'::regclass, 'ref.calendar_day'::regclass,
                    'ref.rule_version'::regclass, 'ref.roster'::regclass, 'ref.shift_day'::regclass
                )
            order by origin.attrelid
            limit 1
        ) as description
        from pg_class as view
        join pg_attribute as shown on view.oid = shown.attrelid
        where view.relnamespace = 'ref'::regnamespace and view.relkind = 'v'
    loop
        if here.description is not null then
            execute 'comment on column ' || here.column_name || ' is ' || quote_literal(here.description);
        end if;
    end loop;
    for here in
        select
            'ref.' || quote_ident(view.relname) || '.' || quote_ident(shown.attname) as column_name,
            said.description
        from (
            values
            ('calendar_kind', 'What kind of day it is (ref.calendar_day)'),
            ('rule_version', 'The rules in force (ref.rule_version)'),
            ('midnight', 'When the date begins in the company''s zone'),
            ('next_midnight', 'When the next date begins'),
            ('day_margin', 'Punches this long before and after the shift still belong to its day'),
            ('shift', 'The shift (ref.shift), or rest: none by the roster'),
            ('half', 'The half that is worked, first or second; or the whole shift'),
            ('follows', 'What the roster follows: calendar, holidays or nothing'),
            ('working', 'The person is to work on the date'),
            ('team', 'The person''s team on the day'),
            ('manager_user_id', 'The manager on the day, by the id in the attendance system'),
            ('manager_employee_id', 'The manager on the day, where somebody has said so'),
            ('employed', 'From hired_on to left_on, both included, or on a day of an earlier post (ref.post)')
        ) as said (attname, description)
        join pg_attribute as shown on said.attname = shown.attname
        join pg_class as view on shown.attrelid = view.oid
        where view.relnamespace = 'ref'::regnamespace and view.relkind = 'v'
    loop
        execute 'comment on column ' || here.column_name || ' is ' || quote_literal(here.description);
    end loop;
end
$$;

comment on view ref.day is 'Every calendar day with the rules in force; grain (work_date)';
comment on view ref.shift_hours is 'What ref.shift_day holds, computed';
comment on view ref.rostered is
'Who works which shift on a date, and whether it is worked; grain (employee_id, work_date)';
comment on view ref.planned_shift is 'What is planned for a person on a date; grain (employee_id, work_date)';
