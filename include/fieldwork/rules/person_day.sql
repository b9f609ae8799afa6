-- Which person-days the run computes: those asked for that are ripe. The others wait, and their touches with them.
-- Grain: (run_id, employee_id, work_date). Inputs: asked_day, ref.planned_shift, ops.batch; :run_id. Key: as the grain.
--
-- A day is ripe when punches have been read without a gap from its midnight to its end: the next midnight, or the margin
-- (4 hours) after the shift where that is later.
insert into build.person_day (run_id, employee_id, work_date, touch_seq)
with coverage as (
    select range_agg(tstzrange(window_start, window_end)) as covered
    from ops.batch
    where stream = 'punches' and kind = 'extract' and state = 'closed' and window_end is not null
),

planned as materialized (
    select
        a.employee_id,
        a.work_date,
        a.touch_seq,
        tstzrange(plan.midnight, greatest(plan.next_midnight, plan.ends_at + plan.day_margin)) as during
    from asked_day as a
    join ref.planned_shift as plan on a.employee_id = plan.employee_id and a.work_date = plan.work_date
)

select :run_id, planned.employee_id, planned.work_date, planned.touch_seq
from planned
cross join coverage
where coverage.covered @> planned.during
