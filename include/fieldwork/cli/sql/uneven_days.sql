-- Days on which source and warehouse hold another number of records, or another sum. Grain: (stream, day).
-- Inputs: ops.reconcile_total, :run_id. What waits in quarantine, or came later, explains part of a difference.
select
    stream,
    coalesce(day::text, 'no day') as day,
    counted,
    source_rows as in_the_source,
    warehouse_rows as in_the_warehouse,
    set_aside as in_quarantine,
    later as came_later,
    source_sum,
    warehouse_sum
from ops.reconcile_total
where run_id = :run_id and (source_rows <> warehouse_rows or source_sum is distinct from warehouse_sum)
order by stream, day
