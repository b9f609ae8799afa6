-- Every punch that may matter to the run: around its person-days, and within the time windows of its visits.
-- Grain: (employee_id, record_id). Inputs: planned_day, off_day, visit_plan, core.punch. Lives until the transaction ends.
--
-- Two days on either side: a working day may begin half a day before its midnight, end as late, and a day that the
-- source states may be a day away from the punch (working_day.sql).
-- The spans of a person are melted into few before the index on (employee_id, punched_at) is asked, person by person
-- (lateral, offset 0): a join on a span of time is estimated at a ninth of the table and would read it through.
create temporary table incoming_punch on commit drop as
with span as (
    select employee_id, tstzrange(midnight - interval '2 days', next_midnight + interval '2 days') as during
    from planned_day
    union all
    select employee_id, tstzrange(midnight - interval '2 days', next_midnight + interval '2 days')
    from off_day
    union all
    select employee_id, tstzrange(in_time_from - interval '1 day', in_time_to + interval '1 day')
    from visit_plan
),

melted as (
    select employee_id, unnest(range_agg(during)) as during
    from span
    group by employee_id
)

select p.employee_id, p.record_id, p.punched_at, p.kind, p.work_date, p.base_at
from melted
cross join lateral (
    select *
    from core.punch
    where
        employee_id = melted.employee_id
        and punched_at >= lower(melted.during) and punched_at < upper(melted.during)
    offset 0
) as p
