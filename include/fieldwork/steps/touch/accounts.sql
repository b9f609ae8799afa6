-- Person-days whose visits were judged against a position or geofence that changed.
-- Grain: (employee_id, work_date). Input: delta with both sides; an account seen first has no visits to judge again
-- but those that waited for it.
insert into touch (employee_id, work_date)
select v.employee_id, (v.planned_start at time zone :zone)::date
from delta as n
left join delta as o on n.account_id = o.account_id and o.side = 'old'
join core.visit as v on n.account_id = v.account_id
where
    n.side = 'new'
    and v.planned_start is not null
    and (n.latitude, n.longitude, n.radius_m) is distinct from (o.latitude, o.longitude, o.radius_m)
