-- The shift that holds on each person-day, with what was punched and what leave excuses.
-- Grain: (employee_id, work_date, part_no): one row a person-day, part 1, or part 0 where the shift has several parts;
-- split_part.sql adds those. Inputs: planned_day, punched_day, ref.shift_day, core.leave. Lives until the transaction ends.
--
-- The roster's shift holds unless the source compares the punches with other times of the day: then the shift that has
-- those times, else those very times. They make a day of rest by the roster a working day, but no day off by the calendar.
create temporary table shift_part on commit drop as
with based as (
    select
        d.*,
        s.punches,
        s.doubled,
        s.refused,
        s.astray,
        s.sequence,
        s.first_in,
        s.last_out,
        s.earliest_out,
        s.latest_in,
        s.base_in,
        s.base_out,
        coalesce(
            s.base_in <> d.starts_at
            and (s.base_in at time zone d.time_zone)::time <> (d.starts_at at time zone d.time_zone)::time
            or s.base_out <> d.earliest_ends_at
            and (s.base_out at time zone d.time_zone)::time <> (d.earliest_ends_at at time zone d.time_zone)::time
            or d.starts_at is null and (s.base_in is not null or s.base_out is not null),
            false
        ) as rebased
    from planned_day as d
    left join punched_day as s on d.employee_id = s.employee_id and d.work_date = s.work_date
),

named as (
    -- the shift that has the times: of the same half before others, then by name
    select distinct on (b.employee_id, b.work_date) b.employee_id, b.work_date, h.shift, h.half
    from based as b
    join ref.shift_day as h
        on b.work_date = h.work_date
        and (
            b.base_in is null
            or (b.base_in at time zone b.time_zone)::time = (h.starts_at at time zone b.time_zone)::time
        )
        and (
            b.base_out is null
            or (b.base_out at time zone b.time_zone)::time = (h.earliest_ends_at at time zone b.time_zone)::time
        )
    where b.rebased
    order by b.employee_id asc, b.work_date asc, h.half = b.half desc, h.shift asc
),

held as (
    select
        b.*,
        named.shift is not null as is_named,
        coalesce(named.shift, b.shift) as held_shift,
        case when named.shift is null then b.half else named.half end as held_half
    from based as b
    left join named on b.rebased and b.employee_id = named.employee_id and b.work_date = named.work_date
),

stated as (
    select
        b.*,
        h.shift_kind as kind,
        h.starts_at as shift_starts_at,
        h.ends_at as shift_ends_at,
        h.earliest_ends_at as shift_earliest_ends_at,
        h.earliest_starts_at,
        h.pauses,
        h.break_starts_at,
        h.break_ends_at,
        h.pause_count,
        h.parts,
        h.part_count,
        h.planned_minutes,
        h.grace_in_minutes,
        h.grace_out_minutes,
        h.required_minutes,
        b.rebased
        and not b.is_named
        and coalesce(h.shift_kind, 'fixed') = 'fixed'
        and coalesce(coalesce(b.base_in, h.starts_at) < coalesce(b.base_out, h.ends_at), false) as is_stated
    from held as b
    left join ref.shift_day as h
        on b.held_shift = h.shift and b.work_date = h.work_date and b.held_half = h.half
),

shifted as materialized (
    select
        s.employee_id,
        s.work_date,
        s.calendar_kind,
        s.hours_system,
        s.settlement,
        s.day_minutes,
        s.rule_version,
        s.overtime_tolerance_minutes,
        s.long_span,
        s.leave_joins_break,
        s.punches,
        s.doubled,
        s.refused,
        s.astray,
        s.sequence,
        s.first_in,
        s.last_out,
        s.earliest_out,
        s.latest_in,
        s.rebased,
        s.held_half as half,
        s.working
        or (s.is_named or s.is_stated)
        and (s.follows = 'nothing' or s.follows = 'holidays' and s.calendar_kind <> 'holiday') as working,
        s.held_shift as shift,
        s.kind = 'flexible' as flexible,
        case when s.is_stated then coalesce(s.base_in, s.shift_starts_at) else s.shift_starts_at end as starts_at,
        case when s.is_stated then coalesce(s.base_out, s.shift_ends_at) else s.shift_ends_at end as ends_at,
        s.shift_earliest_ends_at as earliest_ends_at,
        case when s.first_in is not null then greatest(s.first_in, s.earliest_starts_at) end as counts_from,
        coalesce(s.pauses, '{}') as breaks,
        coalesce(s.break_starts_at, s.midnight) as break_starts_at,
        coalesce(s.break_ends_at, s.midnight) as break_ends_at,
        coalesce(s.pause_count, 0) as pause_count,
        s.parts,
        case when s.is_stated then 1 else coalesce(s.part_count, 1) end as part_count,
        case when s.is_stated then null else s.planned_minutes end as planned_minutes,
        coalesce(s.grace_in_minutes, 0) as grace_in_minutes,
        coalesce(s.grace_out_minutes, 0) as grace_out_minutes,
        s.required_minutes * interval '1 minute' as required
    from stated as s
),

away as (
    select
        s.employee_id,
        s.work_date,
        range_agg(tstzrange(l.start_at, l.end_at)) as spans,
        range_agg(tstzrange(l.start_at, l.end_at)) filter (where l.kind = 'leave') as leave_spans
    from shifted as s
    join core.leave as l
        on s.employee_id = l.employee_id
        and l.start_at < s.starts_at + interval '2 days' and l.end_at > s.starts_at
        and l.start_at < l.end_at
        and l.kind in ('leave', 'trip', 'out')
    where s.working
    group by s.employee_id, s.work_date
)

select
    s.*,
    case when s.working and s.part_count > 1 then 0 else 1 end as part_no,
    a.spans as away,
    a.leave_spans,
    -- a flexible day ends when it has been long enough, counted from first in, but not from before its earliest start;
    -- leave over the start counts as present; of one who came nobody knows when (greatest() passes over a null), only the
    -- earliest end is sure
    case
        when s.flexible and a.spans @> s.starts_at
            then greatest(s.earliest_ends_at, least(s.counts_from, s.starts_at) + s.required)
        when s.flexible then greatest(s.earliest_ends_at, s.counts_from + s.required)
        else s.ends_at
    end as leaves_at
from shifted as s
left join away as a on s.employee_id = a.employee_id and s.work_date = a.work_date
