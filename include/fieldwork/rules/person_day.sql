-- Which person-days the run computes: those asked for that are ripe. The others wait, and their touches with them.
-- Grain: (run_id, employee_id, work_date). Inputs: linked_day, ref.planned_shift, ops.batch; :run_id. Key: as the grain.
--
-- A day is ripe when punches have been read without a gap from its midnight to its end: the next midnight, or the margin
-- (4 hours) after the shift where that is later. Builds follow one another (reference.py holds the lock); each takes a
-- place in line, so that of two that computed one day the later one wins, whichever is published first.
insert into build.person_day (run_id, employee_id, work_date, touch_seq, place_in_line)
with here as materialized (
    select nextval('ops.touch_seq') as place_in_line
),

planned as materialized (
    select
        a.employee_id,
        a.work_date,
        a.touch_seq,
        tstzrange(plan.midnight, greatest(plan.next_midnight, plan.ends_at + plan.day_margin)) as during
    from linked_day as a
    join ref.planned_shift as plan on a.employee_id = plan.employee_id and a.work_date = plan.work_date
),

coverage as materialized (
    select range_agg(tstzrange(window_start, window_end)) as covered
    from ops.batch
    where
        stream = 'punches' and kind = 'extract' and state = 'closed'
        and window_end > (select min(lower(planned.during)) from planned)
)

select :run_id, planned.employee_id, planned.work_date, planned.touch_seq, here.place_in_line
from planned
cross join coverage
cross join here
where coverage.covered @> planned.during
