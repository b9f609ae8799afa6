-- The person-days whose plan or rules are others than before: they must be computed again.
-- Grain: (employee_id, work_date). Inputs: plan_before and shift_before (change.py), plan_print and ref.shift_day as they
-- are now, core.punch. Into concerned_day, which lives until the transaction ends.
--
-- A changed shift concerns those whom the roster plans for it, and those whose punches the source compares with other
-- times than the roster's (base_at): it may be these. Where a shift moves that lies near midnight, the border between two
-- working days may move with it (working_day.sql): then the day beside is concerned too.
insert into concerned_day (employee_id, work_date)
with other_shift as (
    select coalesce(b.work_date, n.work_date) as work_date
    from shift_before as b
    full join (
        select work_date, md5(string_agg(s::text, '|' order by shift, half)) as shifts
        from ref.shift_day as s
        where work_date >= (select min(work_date) from shift_before)
        group by work_date
    ) as n on b.work_date = n.work_date
    where b.shifts is distinct from n.shifts
),

rebased as (
    select distinct d.employee_id, d.work_date
    from plan_print as d
    join other_shift as o on d.work_date = o.work_date
    join core.punch as p
        on d.employee_id = p.employee_id
        and p.punched_at >= d.midnight - interval '1 day' and p.punched_at < d.next_midnight + interval '1 day'
    where
        p.kind in ('in', 'out')
        and p.base_at is not null
        and (p.base_at at time zone d.time_zone)::time is distinct from (
            case when p.kind = 'in' then d.starts_at else d.earliest_ends_at end at time zone d.time_zone
        )::time
),

compared as (
    select
        coalesce(b.employee_id, n.employee_id) as employee_id,
        coalesce(b.work_date, n.work_date) as work_date,
        (b.content is distinct from n.content) or r.work_date is not null as differs,
        ((b.starts_at, b.ends_at, b.day_margin) is distinct from (n.starts_at, n.ends_at, n.day_margin)) as moves,
        least(b.starts_at - b.day_margin, n.starts_at - n.day_margin) < n.midnight as reaches_back,
        greatest(b.ends_at + b.day_margin, n.ends_at + n.day_margin) > n.next_midnight as reaches_on
    from plan_before as b
    full join plan_print as n on b.employee_id = n.employee_id and b.work_date = n.work_date
    left join rebased as r on n.employee_id = r.employee_id and n.work_date = r.work_date
)

select employee_id, work_date
from compared
where differs
union
select d.employee_id, beside.work_date
from compared as d
join compared as beside on d.employee_id = beside.employee_id and abs(d.work_date - beside.work_date) = 1
where
    d.moves
    and case
        when beside.work_date < d.work_date then beside.reaches_on or d.reaches_back
        else d.reaches_on or beside.reaches_back
    end
