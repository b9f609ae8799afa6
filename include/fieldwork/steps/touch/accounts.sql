-- Person-days that were judged against a position or geofence that changed: those of visits to the account, and those of
-- check-ins that prove no visit and lie near where it is or was, for it may be the customer that they name.
-- Grain: (employee_id, work_date). Inputs: delta with both sides, core.visit, place.check_in_cell, place.punch_place,
-- ref.rule_version; :zone. An account seen first has no visits to judge again but those that waited for it.
--
-- Cells and distances are those of rules/known_customer.sql.
insert into touch (employee_id, work_date)
with moved as (
    select n.account_id
    from delta as n
    left join delta as o on n.account_id = o.account_id and o.side = 'old'
    where n.side = 'new' and (n.latitude, n.longitude, n.radius_m) is distinct from (o.latitude, o.longitude, o.radius_m)
),

spot as (
    select
        d.latitude,
        d.longitude,
        cos(radians(d.latitude)) as narrowing,
        sin(radians(d.latitude)) as slope,
        rules.nearby_m
    from moved
    join delta as d on moved.account_id = d.account_id
    cross join (select max(nearby_m) as nearby_m from ref.rule_version) as rules
    where d.latitude between -90 and 90 and d.longitude between -180 and 180
),

cell as (
    select
        spot.*,
        (floor((latitude + 90) * 200)::bigint + up) * 72000
        + (floor((longitude + 180) * 200)::bigint + across + 72000) % 72000 as cell
    from spot
    cross join lateral (
        select
            ceil(nearby_m * 200 / 111195.08)::integer as rows_away,
            least(1000, ceil(nearby_m * 200 / 111195.08 / greatest(narrowing, 1e-6)))::integer as columns_away
    ) as reach
    cross join lateral generate_series(-rows_away, rows_away) as up
    cross join lateral generate_series(-columns_away, columns_away) as across
)

select v.employee_id, (v.planned_start at time zone :zone)::date
from moved
join core.visit as v on moved.account_id = v.account_id
where v.planned_start is not null
union
select c.employee_id, c.work_date
from cell
join place.check_in_cell as c on cell.cell = c.cell
join place.punch_place as at on c.employee_id = at.employee_id and c.record_id = at.record_id
where
    power((at.latitude - cell.latitude) * 111195.08, 2)
    + power(
        (at.longitude - cell.longitude - 360 * round((at.longitude - cell.longitude) / 360)) * 111195.08
        * (cell.narrowing + cell.slope * radians(cell.latitude - at.latitude) / 2),
        2
    ) <= power(cell.nearby_m + 1, 2)
