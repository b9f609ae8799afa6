-- Keep what was compared. Grain: (run, system, stream, day, counted). Inputs: day_total, difference; :run_id, :system,
--         :stream. Returns: days, records on both sides, set aside, later.
with later as (
    select coalesce(day, 'infinity') as day_key, count(*) as rows
    from difference
    where later
    group by coalesce(day, 'infinity')
),

kept as (
    insert into ops.reconcile_total (
        run_id, system, stream, day, counted, source_rows, warehouse_rows, set_aside, later, source_sum, warehouse_sum
    )
    select
        :run_id,
        :system,
        :stream,
        nullif(t.day_key, 'infinity'),
        'by key',
        t.source_rows,
        t.warehouse_rows,
        t.set_aside,
        coalesce(l.rows, 0),
        t.source_sum,
        t.warehouse_sum
    from day_total as t
    left join later as l on t.day_key = l.day_key
    order by t.day_key
    returning source_rows, warehouse_rows, set_aside, later
)

select
    count(*) as days,
    coalesce(sum(source_rows), 0)::bigint as source_rows,
    coalesce(sum(warehouse_rows), 0)::bigint as warehouse_rows,
    coalesce(sum(set_aside), 0)::bigint as set_aside,
    coalesce(sum(later), 0)::bigint as later
from kept
