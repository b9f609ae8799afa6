-- Takes positions away that fit a customer only with latitude and longitude exchanged: more than 100 km away as they
-- stand, and exchanged no further than a kilometre outside the geofence (a swapped position missed the conversion of its
-- datum, which is up to 700 m). Nearly always there is none.
-- Inputs: visit_candidate, visit_plan, check_in, of which the first and the last are changed. Keys: check_in_no.
with far as (
    select
        p.check_in_no,
        v.radius_m,
        cos(radians(c.longitude)) * cos(radians(c.latitude)) - v.x as dx,
        cos(radians(c.longitude)) * sin(radians(c.latitude)) - v.y as dy,
        sin(radians(c.longitude)) - v.z as dz
    from visit_candidate as p
    join visit_plan as v on p.visit_no = v.visit_no
    join check_in as c on p.check_in_no = c.check_in_no
    where p.distance_m > 100000 and c.longitude between -90 and 90
),

swapped as (
    select distinct check_in_no
    from far
    where 2 * 6371008.8 * asin(least(1, sqrt(dx * dx + dy * dy + dz * dz) / 2)) <= radius_m + 1000
),

unplaced as (
    update check_in as c
    set
        latitude = null,
        longitude = null,
        x = null,
        y = null,
        z = null,
        no_place = 'swapped_position',
        signals = c.signals || '{swapped_position}'
    from swapped as s
    where c.check_in_no = s.check_in_no
)

update visit_candidate as p
set distance_m = null, in_range = false, cost = p.minutes_off::bigint * 1000
from swapped as s
where p.check_in_no = s.check_in_no
