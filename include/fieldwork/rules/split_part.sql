-- The parts of split shifts, each with its own punches: a part is judged like a shift of its own.
-- Grain: (employee_id, work_date, part_no), part_no from 1. Inputs: shift_part (part 0), ref.shift_day, day_punch. Key: as
-- the grain.
--
-- A punch within a part belongs to it. In the gap between two parts an out belongs to the part before, an in to the one
-- after, a field check-in to the nearer one.
insert into shift_part (
    employee_id, work_date, calendar_kind, hours_system, settlement, day_minutes, rule_version,
    overtime_tolerance_minutes, long_span, leave_joins_break, first_in, last_out, working, shift, half, flexible, starts_at,
    ends_at, breaks, break_starts_at, break_ends_at, pause_count, part_count, planned_minutes, grace_in_minutes,
    grace_out_minutes, part_no, away, leave_spans, leaves_at
)
with part as (
    select
        d.employee_id,
        d.work_date,
        d.shift,
        d.half,
        row_number() over day as part_no,
        lower(span) as starts_at,
        upper(span) as ends_at,
        lag(upper(span)) over day as ended_before
    from shift_part as d
    cross join unnest(d.parts) as span
    where d.part_no = 0
    window day as (partition by d.employee_id, d.work_date order by lower(span))
),

begun as (
    select
        part.employee_id,
        part.work_date,
        part.part_no,
        border.kind,
        case
            when border.kind = 'in' then part.ended_before
            when border.kind = 'field' then part.ended_before + (part.starts_at - part.ended_before) / 2
            when part.part_no > 1 then part.starts_at
        end as begins_at
    from part
    cross join (values ('in'), ('out'), ('field')) as border (kind)
),

bordered as (
    select
        begun.*,
        lead(begun.begins_at) over (partition by employee_id, work_date, kind order by part_no) as next_begins_at
    from begun
),

punched as (
    select
        b.employee_id,
        b.work_date,
        b.part_no,
        min(p.punched_at) filter (where p.kind in ('in', 'field')) as first_in,
        max(p.punched_at) filter (where p.kind in ('out', 'field')) as latest_out
    from bordered as b
    join day_punch as p
        on b.employee_id = p.employee_id
        and b.work_date = p.working_day
        and b.kind = p.kind
        and p.punched_at >= coalesce(b.begins_at, '-infinity') and p.punched_at < coalesce(b.next_begins_at, 'infinity')
    where not p.again
    group by b.employee_id, b.work_date, b.part_no
),

paused as (
    select part.*, h.breaks * tstzmultirange(tstzrange(part.starts_at, part.ends_at)) as breaks
    from part
    join ref.shift_day as h
        on part.shift = h.shift and part.work_date = h.work_date and part.half = h.half
)

select
    d.employee_id,
    d.work_date,
    d.calendar_kind,
    d.hours_system,
    d.settlement,
    d.day_minutes,
    d.rule_version,
    d.overtime_tolerance_minutes,
    d.long_span,
    d.leave_joins_break,
    p.first_in,
    case when p.first_in is null or p.latest_out > p.first_in then p.latest_out end,
    d.working,
    d.shift,
    d.half,
    false,
    part.starts_at,
    part.ends_at,
    part.breaks,
    coalesce(lower(part.breaks), part.starts_at),
    coalesce(upper(part.breaks), part.starts_at),
    (select count(*) from unnest(part.breaks)),
    d.part_count,
    (
        select floor(sum(extract(epoch from upper(span) - lower(span))) / 60)
        from unnest(tstzmultirange(tstzrange(part.starts_at, part.ends_at)) - part.breaks) as span
    ),
    d.grace_in_minutes,
    d.grace_out_minutes,
    part.part_no,
    d.away,
    d.leave_spans,
    part.ends_at as leaves_at
from paused as part
join shift_part as d on part.employee_id = d.employee_id and part.work_date = d.work_date and d.part_no = 0
left join punched as p
    on part.employee_id = p.employee_id and part.work_date = p.work_date and part.part_no = p.part_no
