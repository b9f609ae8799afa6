-- Attendance: the planned hours against what was punched.
-- Grain: (run_id, employee_id, work_date), every employed person-day of the run. Inputs: planned_day, day_punch (punches
-- with their working day), core.leave, ref.shift_day, ref.rule_version; :run_id. Key: as the grain.
insert into build.attendance_day (
    run_id, employee_id, work_date, shift, shift_start, shift_end, first_in, last_out, punches, worked_minutes,
    late_minutes, early_minutes, overtime_minutes, leave_minutes, planned_minutes, status, anomalies, rule_version
)
with spaced as (
    -- near-duplicates: a punch that follows another of the same working day within the gap is that punch again
    select
        p.employee_id,
        p.working_day as work_date,
        p.punched_at,
        p.kind,
        p.base_at,
        coalesce(
            p.punched_at - lag(p.punched_at) over (
                partition by p.employee_id, p.working_day order by p.punched_at, p.record_id
            ) <= v.duplicate_seconds * interval '1 second',
            false
        ) as again
    from day_punch as p
    join ref.rule_version as v
        on p.working_day >= v.valid_from and p.working_day < coalesce(v.valid_to, 'infinity')
),

seen as (
    select
        employee_id,
        work_date,
        count(*) filter (where not again) as punches,
        bool_or(again) as doubled,
        min(punched_at) filter (where not again and kind in ('in', 'field')) as first_in,
        max(punched_at) filter (where not again and kind in ('out', 'field')) as latest_out,
        min(punched_at) filter (where not again and kind = 'out') as earliest_out,
        min(base_at) filter (where kind = 'in') as base_in,
        max(base_at) filter (where kind = 'out') as base_out
    from spaced
    group by employee_id, work_date
),

based as (
    -- does the roster's shift fit the times that the source compares with? If not, which shift does?
    select
        d.*,
        coalesce(s.punches, 0) as punches,
        coalesce(s.doubled, false) as doubled,
        s.first_in,
        case when s.first_in is null or s.latest_out > s.first_in then s.latest_out end as last_out,
        s.earliest_out,
        s.base_in,
        s.base_out,
        coalesce(
            (s.base_in at time zone d.time_zone)::time is distinct from (d.starts_at at time zone d.time_zone)::time
            and s.base_in is not null
            or (s.base_out at time zone d.time_zone)::time
            is distinct from (d.earliest_ends_at at time zone d.time_zone)::time
            and s.base_out is not null,
            false
        ) as rebased
    from planned_day as d
    left join seen as s on d.employee_id = s.employee_id and d.work_date = s.work_date
),

shifted as (
    -- the shift that holds: the roster's, the one that the source's times name, or those very times
    select
        b.employee_id,
        b.work_date,
        b.working,
        b.calendar_kind,
        b.punches,
        b.doubled,
        b.first_in,
        b.last_out,
        b.earliest_out,
        b.rebased,
        b.overtime_tolerance_minutes,
        b.rule_version,
        coalesce(named.shift, b.shift) as shift,
        coalesce(named.shift_kind, b.shift_kind) as shift_kind,
        coalesce(named.starts_at, stated.starts_at, b.starts_at) as starts_at,
        coalesce(named.ends_at, stated.ends_at, b.ends_at) as ends_at,
        coalesce(named.earliest_ends_at, stated.ends_at, b.earliest_ends_at) as earliest_ends_at,
        -- no break is an empty one
        case when named.shift is null then coalesce(b.break_starts_at, b.midnight)
            else coalesce(named.break_starts_at, b.midnight) end as break_starts_at,
        case when named.shift is null then coalesce(b.break_ends_at, b.midnight)
            else coalesce(named.break_ends_at, b.midnight) end as break_ends_at,
        coalesce(named.grace_in_minutes, b.grace_in_minutes) as grace_in_minutes,
        coalesce(named.grace_out_minutes, b.grace_out_minutes) as grace_out_minutes,
        coalesce(named.required_minutes, b.required_minutes) * interval '1 minute' as required
    from based as b
    left join lateral (
        select s.*
        from ref.shift_day as s
        where
            b.rebased
            and b.work_date = s.work_date
            and (s.starts_at at time zone b.time_zone)::time
            = coalesce((b.base_in at time zone b.time_zone)::time, (s.starts_at at time zone b.time_zone)::time)
            and (s.earliest_ends_at at time zone b.time_zone)::time
            = coalesce((b.base_out at time zone b.time_zone)::time, (s.earliest_ends_at at time zone b.time_zone)::time)
        order by s.shift
        limit 1
    ) as named on true
    left join lateral (
        select
            coalesce(b.base_in, b.starts_at) as starts_at,
            coalesce(b.base_out, b.ends_at) as ends_at
        where
            b.rebased
            and b.shift_kind = 'fixed'
            and coalesce(b.base_in, b.starts_at) < coalesce(b.base_out, b.ends_at)
    ) as stated on true
),

away as (
    select s.employee_id, s.work_date, range_agg(tstzrange(l.start_at, l.end_at)) as spans
    from shifted as s
    join core.leave as l
        on s.employee_id = l.employee_id
        and l.start_at < s.starts_at + interval '2 days' and l.end_at > s.starts_at
        and l.start_at < l.end_at
        and l.kind in ('leave', 'trip', 'out')
    where s.working
    group by s.employee_id, s.work_date
),

required as (
    -- a flexible day ends when it has been long enough, counted from first in; leave over the start counts as present;
    -- of one who came nobody knows when (greatest() passes over a null), only the earliest end is sure
    select
        s.*,
        coalesce(a.spans, '{}'::tstzmultirange) as away,
        case
            when s.shift_kind = 'flexible' and a.spans @> s.starts_at
                then greatest(s.earliest_ends_at, least(s.first_in, s.starts_at) + s.required)
            when s.shift_kind = 'flexible' then greatest(s.earliest_ends_at, s.first_in + s.required)
            else s.ends_at
        end as leaves_at
    from shifted as s
    left join away as a on s.employee_id = a.employee_id and s.work_date = a.work_date
),

expected as materialized (
    -- what leave leaves over of the shift; materialized, here and below: computed once, not once for each use
    select
        r.*,
        tstzmultirange(tstzrange(r.starts_at, r.leaves_at)) - r.away as left_over,
        tstzmultirange(tstzrange(r.break_starts_at, r.break_ends_at)) as pause
    from required as r
),

judged as materialized (
    select
        e.*,
        e.working and e.starts_at is not null and isempty(e.left_over - e.pause) as on_leave,
        lower(e.left_over) as due_in,
        upper(e.left_over) as due_out
    from expected as e
),

counted as materialized (
    select
        j.*,
        greatest(0, floor(extract(epoch from
            j.last_out - j.first_in
            - greatest(
                least(j.last_out, j.break_ends_at) - greatest(j.first_in, j.break_starts_at), interval '0'
            )
        ) / 60))::integer as worked,
        case when j.working and not j.on_leave then floor(extract(epoch from j.first_in - j.due_in) / 60) end as behind,
        case when j.working and not j.on_leave then floor(extract(epoch from j.due_out - j.last_out) / 60) end as ahead,
        -- a flexible day of unknown beginning has overtime only after the end of one that began at the latest start
        case when j.working and not j.on_leave then floor(extract(epoch from
            j.last_out - case when j.first_in is null then greatest(j.leaves_at, j.ends_at) else j.leaves_at end
        ) / 60) end as over,
        case when j.working and j.away <> '{}'::tstzmultirange then (
            select floor(sum(extract(epoch from upper(part) - lower(part))) / 60)
            from unnest(j.away * tstzmultirange(tstzrange(j.starts_at, j.leaves_at)) - j.pause) as part
        ) end as excused,
        case when j.working then floor(extract(epoch from
            j.ends_at - j.starts_at
            - greatest(
                least(j.ends_at, j.break_ends_at) - greatest(j.starts_at, j.break_starts_at), interval '0'
            )
        ) / 60) end as planned
    from judged as j
),

graded as (
    select
        c.*,
        case
            when c.calendar_kind = 'holiday' then 'holiday'
            when not c.working or c.starts_at is null then 'rest'
            when c.on_leave then 'leave'
            when c.first_in is null and c.last_out is null then 'absent'
            when c.first_in is null or c.last_out is null then 'incomplete'
            when c.behind > c.grace_in_minutes then 'late'
            when c.ahead > c.grace_out_minutes then 'early'
            else 'present'
        end as status
    from counted as c
)

select
    :run_id,
    g.employee_id,
    g.work_date,
    case when g.working then g.shift end,
    case when g.working then g.starts_at end,
    case when g.working then g.leaves_at end,
    g.first_in,
    g.last_out,
    g.punches,
    coalesce(g.worked, 0),
    case when g.behind > g.grace_in_minutes then g.behind else 0 end,
    case when g.ahead > g.grace_out_minutes then g.ahead else 0 end,
    case
        when g.status in ('holiday', 'rest') then coalesce(g.worked, 0)
        when g.over > 0 and g.over >= g.overtime_tolerance_minutes then g.over
        else 0
    end,
    least(coalesce(g.excused, 0), coalesce(g.planned, 0)),
    coalesce(g.planned, 0),
    g.status,
    array_remove(array[
        case when g.rebased and g.working then 'base_differs_from_roster' end,
        case when g.last_out - g.first_in > interval '16 hours' then 'long_span' end,
        case when g.punches > 0 and g.first_in is null then 'missing_in' end,
        case when g.punches > 0 and g.last_out is null then 'missing_out' end,
        case when g.doubled then 'near_duplicate' end,
        case when g.earliest_out < g.first_in then 'out_before_in' end,
        case when g.punches > 0 and g.status = 'leave' then 'punch_on_leave' end,
        case when g.punches > 0 and g.status in ('holiday', 'rest') then 'punch_on_rest_day' end
    ], null),
    g.rule_version
from graded as g
