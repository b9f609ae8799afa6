-- Attendance: the planned hours against what was punched.
-- Grain: (run_id, employee_id, work_date), every employed person-day of the run. Inputs: shift_part; :run_id. Key: as the
-- grain. Parts of a split shift are judged each like a shift of its own; the day has their sums.
insert into build.attendance_day (
    run_id, employee_id, work_date, calendar_kind, shift, shift_start, shift_end, first_in, last_out, punches,
    worked_minutes, late_minutes, early_minutes, overtime_minutes, leave_minutes, trip_minutes, planned_minutes,
    attended_minutes, missed_minutes, hours_system, settlement, norm_minutes, status, anomalies, rule_version
)
with expected as materialized (
    -- what leave leaves over of the shift; materialized, here and below: computed once, not once for each use
    select
        p.*,
        p.working and p.starts_at is not null as due,
        case when p.away is not null
            then tstzmultirange(tstzrange(p.starts_at, p.leaves_at)) - p.away end as left_over,
        -- a flexible day is attended from first in on
        case when p.flexible then least(p.counts_from, p.starts_at) else p.starts_at end as begins_at,
        coalesce(p.planned_minutes, floor(extract(epoch from
            p.ends_at - p.starts_at
            - greatest(least(p.ends_at, p.break_ends_at) - greatest(p.starts_at, p.break_starts_at), interval '0')
        ) / 60))::integer as planned
    from shift_part as p
    where p.part_no > 0
),

judged as materialized (
    select
        e.*,
        e.due and coalesce(isempty(e.left_over - e.breaks), false) as on_leave,
        (e.first_in is null) <> (e.last_out is null) as is_half,
        case
            when e.away is null then e.starts_at
            when e.leave_joins_break then lower(e.left_over - e.breaks)
            else lower(e.left_over)
        end as due_in,
        case
            when e.away is null then e.leaves_at
            when e.leave_joins_break then upper(e.left_over - e.breaks)
            else upper(e.left_over)
        end as due_out,
        -- pauses between first in and last out, and within the planned time of the presence
        case when e.pause_count > 1 then (
            select coalesce(sum(upper(pause) - lower(pause)), interval '0')
            from unnest(e.breaks * tstzmultirange(tstzrange(e.first_in, e.last_out))) as pause
        ) else greatest(
            least(e.last_out, e.break_ends_at) - greatest(e.first_in, e.break_starts_at), interval '0'
        ) end as paused,
        case when e.away is not null then (
            select coalesce(sum(upper(part) - lower(part)), interval '0')
            from unnest(e.away * tstzmultirange(tstzrange(e.starts_at, e.leaves_at)) - e.breaks) as part
        ) else interval '0' end as excused,
        case when e.leave_spans is not null then (
            select coalesce(sum(upper(part) - lower(part)), interval '0')
            from unnest(e.leave_spans * tstzmultirange(tstzrange(e.starts_at, e.leaves_at)) - e.breaks) as part
        ) else interval '0' end as on_leave_only,
        case
            when e.first_in is null or e.last_out is null then interval '0'
            when e.away is not null or e.pause_count > 1 then (
                select coalesce(sum(upper(part) - lower(part)), interval '0')
                from unnest(
                    tstzmultirange(tstzrange(e.first_in, e.last_out))
                    * tstzmultirange(tstzrange(e.begins_at, e.leaves_at))
                    - e.breaks
                    - coalesce(e.away * tstzmultirange(tstzrange(e.starts_at, e.leaves_at)), '{}')
                ) as part
            )
            else greatest(interval '0',
                least(e.last_out, e.leaves_at) - greatest(e.first_in, e.begins_at)
                - greatest(interval '0',
                    least(e.last_out, e.leaves_at, e.break_ends_at)
                    - greatest(e.first_in, e.begins_at, e.break_starts_at)
                )
            )
        end as attended
    from expected as e
),

measured as materialized (
    -- whole minutes; of one who came or went nobody knows when it is unknown what was missed
    select
        j.*,
        floor(extract(epoch from j.last_out - j.first_in - j.paused) / 60) as worked,
        floor(extract(epoch from j.excused) / 60) as excused_minutes,
        floor(extract(epoch from j.on_leave_only) / 60) as leave_only_minutes,
        case when j.asked then floor(extract(epoch from j.first_in - j.due_in) / 60) end as behind,
        case when j.asked then floor(extract(epoch from j.due_out - j.last_out) / 60) end as ahead,
        -- a flexible day of unknown beginning has overtime only after the end of one that began at the latest start
        case when j.asked then floor(extract(epoch from
            j.last_out - case when j.first_in is null then greatest(j.leaves_at, j.ends_at) else j.leaves_at end
        ) / 60) end as over,
        case
            when j.hours_system = 'irregular' then null
            when j.on_leave then 0
            when j.is_half then null
            else greatest(0, floor(j.planned - extract(epoch from j.excused + j.attended) / 60))
        end as missed,
        j.first_in is null and j.last_out is null and not j.on_leave as is_skipped,
        j.working and j.part_count > 1 as is_part
    from (
        select judged.*, judged.due and not judged.on_leave and judged.hours_system <> 'irregular' as asked
        from judged
    ) as j
),

counted as (
    select
        m.*,
        case when m.behind > m.grace_in_minutes then m.behind else 0 end as late,
        case when m.ahead > m.grace_out_minutes then m.ahead else 0 end as early,
        case when m.over > 0 and m.over >= m.overtime_tolerance_minutes then m.over else 0 end as overtime
    from measured as m
),

summed as (
    -- a part to which nobody came counts as late before the first punch of the day, as left early after it
    select
        c.employee_id,
        c.work_date,
        min(c.first_in) as first_in,
        max(c.last_out) as last_out,
        sum(c.worked) as worked,
        sum(c.late) + coalesce(sum(c.missed) filter (where c.is_skipped and c.ends_at <= came.at), 0) as late,
        sum(c.early) + coalesce(sum(c.missed) filter (where c.is_skipped and c.ends_at > came.at), 0) as early,
        sum(c.overtime) as overtime,
        sum(c.excused_minutes) as excused_minutes,
        sum(c.leave_only_minutes) as leave_only_minutes,
        sum(c.planned) as planned,
        case when not bool_or(c.missed is null) then sum(c.missed) end as missed,
        bool_and(c.on_leave) as on_leave,
        bool_and(c.is_skipped or c.on_leave) as is_skipped,
        bool_or(c.is_half and not c.on_leave) as is_half,
        bool_or(c.is_half and c.first_in is null) as no_in,
        bool_or(c.is_half and c.last_out is null) as no_out,
        bool_or(c.is_skipped) as part_skipped
    from counted as c
    join shift_part as day on c.employee_id = day.employee_id and c.work_date = day.work_date and day.part_no = 0
    cross join lateral (select coalesce(day.first_in, day.last_out) as at) as came
    where c.is_part
    group by c.employee_id, c.work_date
),

day as (
    select
        c.employee_id, c.work_date, c.calendar_kind, c.shift, c.due, c.starts_at, c.leaves_at, c.first_in, c.last_out,
        c.punches, c.worked, c.late, c.early, c.overtime, c.excused_minutes, c.leave_only_minutes, c.planned, c.missed,
        c.on_leave, c.is_skipped, c.is_half, c.first_in is null as no_in, c.last_out is null as no_out,
        false as part_skipped, c.rebased, c.astray, c.refused, c.doubled, c.sequence, c.earliest_out, c.latest_in,
        c.long_span, c.hours_system, c.settlement, c.day_minutes, c.rule_version
    from counted as c
    where not c.is_part
    union all
    select
        d.employee_id, d.work_date, d.calendar_kind, d.shift, true, d.starts_at, d.leaves_at, s.first_in, s.last_out,
        d.punches, s.worked, s.late, s.early, s.overtime, s.excused_minutes, s.leave_only_minutes, s.planned, s.missed,
        s.on_leave, s.is_skipped, s.is_half, s.no_in, s.no_out,
        s.part_skipped, d.rebased, d.astray, d.refused, d.doubled, d.sequence, d.earliest_out, d.latest_in,
        d.long_span, d.hours_system, d.settlement, d.day_minutes, d.rule_version
    from summed as s
    join shift_part as d on s.employee_id = d.employee_id and s.work_date = d.work_date and d.part_no = 0
),

graded as (
    select
        d.*,
        coalesce(d.punches, 0) > 0 as punched,
        case when d.due then d.planned else 0 end as planned_minutes,
        case when d.due then least(d.excused_minutes, d.planned) else 0 end as leave_minutes,
        case
            when not d.due and d.calendar_kind = 'holiday' then 'holiday'
            when not d.due then 'rest'
            when d.on_leave then 'leave'
            when d.hours_system = 'irregular' then 'present'
            when d.is_skipped then 'absent'
            when d.is_half then 'incomplete'
            when d.late > 0 then 'late'
            when d.early > 0 then 'early'
            else 'present'
        end as status
    from day as d
)

select
    :run_id,
    g.employee_id,
    g.work_date,
    g.calendar_kind,
    case when g.due and g.shift <> 'rest' then g.shift end,
    case when g.due then g.starts_at end,
    case when g.due then g.leaves_at end,
    g.first_in,
    g.last_out,
    coalesce(g.punches, 0),
    greatest(0, coalesce(g.worked, 0)),
    case when g.status = 'absent' then 0 else g.late end,
    case when g.status = 'absent' then 0 else g.early end,
    case
        when g.hours_system <> 'standard' then 0
        when not g.due then greatest(0, coalesce(g.worked, 0))
        else g.overtime
    end,
    g.leave_minutes,
    greatest(0, g.leave_minutes - least(g.leave_only_minutes, g.planned_minutes)),
    g.planned_minutes,
    case when g.due and g.status <> 'leave' then g.planned_minutes - g.leave_minutes - g.missed else 0 end,
    case when g.due and g.status <> 'leave' then g.missed else 0 end,
    g.hours_system,
    g.settlement,
    case
        when g.hours_system = 'irregular' then 0
        when g.day_minutes is null then g.planned_minutes
        when g.calendar_kind in ('workday', 'makeup') then g.day_minutes
        else 0
    end,
    g.status,
    -- by name, in order (rules/anomalies.py)
    array_remove(array[
        case when g.rebased and g.due then 'base_differs_from_roster' end,
        case when g.astray then 'day_differs_from_roster' end,
        case when g.status in ('late', 'early') and 2 * g.missed >= g.planned_minutes - g.leave_minutes
            then 'half_day_missed' end,
        case when g.last_out - g.first_in > g.long_span then 'long_span' end,
        case when g.part_skipped and g.status <> 'absent' then 'missed_part' end,
        case when g.punched and g.no_in then 'missing_in' end,
        case when g.punched and g.no_out then 'missing_out' end,
        case when g.doubled then 'near_duplicate' end,
        case when g.due and g.hours_system = 'irregular' and not g.punched and not g.on_leave then 'no_punch' end,
        case when g.earliest_out < g.first_in then 'out_before_in' end,
        case when g.punched and g.status = 'leave' then 'punch_on_leave' end,
        case when g.punched and g.status in ('holiday', 'rest') then 'punch_on_rest_day' end,
        case when g.sequence like '%ii%' then 'repeated_in' end,
        case when g.sequence like '%oo%' then 'repeated_out' end,
        case when g.refused then 'stated_plan_refused' end,
        case when g.latest_in > g.last_out then 'unpaired_in' end
    ], null),
    g.rule_version
from graded as g
