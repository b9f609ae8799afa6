-- The person-days that a run is asked for: those that facts touched, and those of its window that were never computed.
-- Grain: (employee_id, work_date). Inputs: ops.touched, ops.batch, core.employee, ref.post, ref.calendar_day, ops.run,
-- mart.attendance_day; :since, :until, :reads. Into asked_day, which lives until the transaction ends.
--
-- A touch of a day that punches have not been read for waits (person_day.sql): days ahead, of planned visits, are not
-- even asked. A run of kind restate (:reads is false) answers the touches of its window and no others.
-- A run asks again for the days of the week before that an earlier run asked for and found unripe: the night shift of
-- its last day is such.
insert into asked_day (employee_id, work_date)
with days as (
    select c.work_date
    from ref.calendar_day as c
    where
        c.work_date >= :since and c.work_date < :until
        or c.work_date >= cast(:since as date) - 7 and c.work_date < :since
        and exists (
            select
            from ops.run as r
            where c.work_date >= r.since and c.work_date < least(r.until, :since) and r.kind <> 'restate'
        )
),

employed as (
    select e.employee_id, c.work_date
    from core.employee as e
    join days as c
        on c.work_date >= coalesce(e.hired_on, c.work_date) and c.work_date <= coalesce(e.left_on, c.work_date)
    union
    select p.employee_id, c.work_date
    from ref.post as p
    join days as c on c.work_date >= p.valid_from and c.work_date < coalesce(p.valid_to, 'infinity')
),

read_until as materialized (
    select max(window_end) + interval '1 day' as instant
    from ops.batch
    where stream = 'punches' and kind = 'extract' and state = 'closed'
)

select t.employee_id, t.work_date
from ops.touched as t
join read_until on t.work_date < read_until.instant
where :reads or t.work_date >= :since and t.work_date < :until
union
select e.employee_id, e.work_date
from employed as e
left join mart.attendance_day as m on e.employee_id = m.employee_id and e.work_date = m.work_date
where :reads and m.employee_id is null
