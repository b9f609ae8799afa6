-- The known customer at or near the place of each check-in that was meant for no visit: one whose geofence it is in
-- before others, then the nearest, up to nearby_m away.
-- Grain: check_in_no; without a row where no customer is near. Inputs: free_check_in, core.account, ref.rule_version,
-- known_customer; :share (of nearby_m, how far to look now).
--
-- Asked first for a part of the way, then for the whole of it: who is at a customer after the first look is there, and in
-- a dense city nearly everybody is.
-- Customers are looked up by the cells of a grid (core.account.cell, 1/200 degree, about 556 m from south to north): those
-- around the check-in's cell, as many as the look reaches over at its latitude. On so short a way the flat distance, with
-- the cosine of the latitude in the middle, is the great circle to a millimetre; 111,195.08 m is a degree of it.
insert into known_customer (check_in_no, account_id, distance_m, at_customer)
with asked as materialized (
    select
        f.check_in_no,
        f.latitude,
        f.longitude,
        least(coalesce(f.accuracy_m, 0), v.accuracy_cap_m) as forgiven_m,
        v.default_radius_m,
        f.nearby_m * :share as reach_m,
        floor((f.latitude + 90) * 200)::bigint as grid_row,
        floor((f.longitude + 180) * 200)::bigint as grid_column,
        cos(radians(f.latitude)) as narrowing,
        sin(radians(f.latitude)) as slope
    from free_check_in as f
    join ref.rule_version as v on f.rule_version = v.version
    where
        f.no_place is null and not f.meant
        and not exists (select from known_customer as k where f.check_in_no = k.check_in_no and k.at_customer)
),

cell as (
    select
        asked.*,
        (grid_row + up) * 72000 + (grid_column + across + 72000) % 72000 as cell
    from asked
    cross join lateral (
        select ceil(reach_m * 200 / 111195.08)::integer as rows_away
    ) as reach
    cross join lateral (
        select least(1000, ceil(reach_m * 200 / 111195.08 / greatest(narrowing, 1e-6)))::integer as columns_away
    ) as breadth
    cross join lateral generate_series(-rows_away, rows_away) as up
    cross join lateral generate_series(-columns_away, columns_away) as across
),

apart as (
    select
        c.check_in_no,
        c.reach_m,
        c.forgiven_m,
        a.account_id,
        coalesce(a.radius_m, c.default_radius_m) as radius_m,
        (a.latitude - c.latitude) * 111195.08 as north_m,
        (a.longitude - c.longitude - 360 * round((a.longitude - c.longitude) / 360)) * 111195.08
        * (c.narrowing - c.slope * radians(a.latitude - c.latitude) / 2) as east_m
    from cell as c
    join core.account as a on c.cell = a.cell
),

near as (
    select
        check_in_no,
        account_id,
        sqrt(north_m * north_m + east_m * east_m) as distance_m,
        radius_m + forgiven_m as geofence_m
    from apart
    where north_m * north_m + east_m * east_m <= reach_m * reach_m
)

select distinct on (check_in_no)
    check_in_no,
    account_id,
    distance_m,
    distance_m <= geofence_m as at_customer
from near
order by check_in_no asc, distance_m <= geofence_m desc, distance_m asc, account_id asc
on conflict (check_in_no) do update
    set account_id = excluded.account_id, distance_m = excluded.distance_m, at_customer = excluded.at_customer
