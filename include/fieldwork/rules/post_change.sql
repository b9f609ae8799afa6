-- Whose team, manager or employment this read changes, and until when what stood there held.
-- Grain: employee_id. Inputs: delta (both sides), core.employee as it is before the missing are noted, :today, :zone,
-- :beginning. Lives until the batch is settled.
--
-- A transfer holds from the day on which we learn it, or from the day of hiring if that is later. Somebody is hired
-- again when the source gives a later day of hiring and the person had left, was missing, or has another id; a changed
-- day of hiring alone is a correction.
create temporary table post_change on commit drop as
with changed as (
    select
        o.employee_id,
        o.team,
        o.manager_user_id,
        coalesce(o.hired_on, cast(:beginning as date)) as valid_from,
        n.hired_on,
        coalesce(o.left_on + 1, (e.missing_since at time zone :zone)::date) as gone_from,
        coalesce(n.hired_on > coalesce(o.hired_on, cast(:beginning as date)), false)
        and (
            coalesce(o.left_on < n.hired_on, false)
            or coalesce((e.missing_since at time zone :zone)::date <= n.hired_on, false)
            or o.user_id <> n.user_id
        ) as hired_again,
        (o.team is distinct from n.team) or (o.manager_user_id is distinct from n.manager_user_id) as transferred
    from delta as n
    join delta as o on n.employee_id = o.employee_id and o.side = 'old'
    join core.employee as e on n.employee_id = e.employee_id
    where n.side = 'new'
)

select
    employee_id,
    team,
    manager_user_id,
    valid_from,
    case when hired_again then least(gone_from, hired_on) else greatest(cast(:today as date), hired_on) end as valid_to
from changed
where hired_again or transferred
