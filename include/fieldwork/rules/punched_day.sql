-- What was punched on each working day, near-duplicates once.
-- Grain: (employee_id, work_date), days with a punch. Inputs: day_punch, astray_day. Lives until the transaction ends.
--
-- base_in and base_out: the planned times that the source compares with; a statement about a day more than a day away
-- from the punch is refused. sequence: the kinds of the punches in order, a letter each.
create temporary table punched_day on commit drop as
with seen as (
    select
        employee_id,
        working_day as work_date,
        count(*) filter (where not again) as punches,
        bool_or(again) as doubled,
        min(punched_at) filter (where not again and kind in ('in', 'field')) as first_in,
        max(punched_at) filter (where not again and kind in ('out', 'field')) as latest_out,
        min(punched_at) filter (where not again and kind = 'out') as earliest_out,
        max(punched_at) filter (where not again and kind = 'in') as latest_in,
        min(base_at) filter (where kind = 'in' and abs(base_date - local_date) <= 1) as base_in,
        max(base_at) filter (where kind = 'out' and abs(base_date - local_date) <= 1) as base_out,
        coalesce(bool_or(abs(work_date - local_date) > 1 or abs(base_date - local_date) > 1), false) as refused,
        string_agg(left(kind, 1), '' order by punched_at, record_id) filter (where not again) as sequence
    from day_punch
    group by employee_id, working_day
)

select
    s.*,
    case when s.first_in is null or s.latest_out > s.first_in then s.latest_out end as last_out,
    a.employee_id is not null as astray
from seen as s
left join astray_day as a on s.employee_id = a.employee_id and s.work_date = a.work_date
