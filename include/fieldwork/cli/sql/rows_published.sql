-- How many person-days a run computed, and what became of the rows of each joined table.
-- Grain: one row for the person-days, one for each joined table. Inputs: ops.step; :run_id.
with said as (
    select step, result
    from ops.step
    where run_id = :run_id and step in ('build', 'publish') and state = 'done'
)

select
    dataset as "rows",
    computed,
    inserted,
    changed,
    removed,
    unchanged
from (
    select
        0 as place,
        'person-days' as dataset,
        (result ->> 'person_days')::integer as computed,
        null::integer as inserted,
        null::integer as changed,
        null::integer as removed,
        null::integer as unchanged
    from said
    where step = 'build'
    union all
    select
        1,
        part.key,
        (part.value ->> 'inserted')::integer + (part.value ->> 'changed')::integer
        + (part.value ->> 'unchanged')::integer,
        (part.value ->> 'inserted')::integer,
        (part.value ->> 'changed')::integer,
        (part.value ->> 'removed')::integer,
        (part.value ->> 'unchanged')::integer
    from said
    cross join lateral jsonb_each(said.result) as part
    where step = 'publish'
) as counted
order by place, dataset
