-- A source and the warehouse side by side. Grain: (day_key) in day_total; 'infinity' stands for records without a day.
-- Inputs: theirs, ours (temporary views: key, day, person, measure), aside, compared_day, unknown_person (temporary
--         tables). Keys: day_key.
-- Keys that wait in quarantine are counted and not compared: which of their versions is right is not decided yet. The
-- digest does not depend on the order: equal digests and counts mean equal keys.
create temporary table day_total on commit drop as
with their_day as (
    select
        coalesce(t.day, 'infinity') as day_key,
        count(*) as rows,
        count(a.key) as set_aside,
        count(*) - count(a.key) as compared,
        bit_xor(hashtextextended(t.key, 0)) filter (where a.key is null) as digest,
        sum(t.measure) as measure,
        sum(t.measure) filter (where a.key is null) as compared_measure
    from theirs as t
    left join aside as a on t.key = a.key
    where t.day is null or t.day in (select c.day from compared_day as c)
    group by coalesce(t.day, 'infinity')
),

our_day as (
    select
        coalesce(o.day, 'infinity') as day_key,
        count(*) as rows,
        count(*) - count(a.key) as compared,
        bit_xor(hashtextextended(o.key, 0)) filter (where a.key is null) as digest,
        sum(o.measure) as measure,
        sum(o.measure) filter (where a.key is null) as compared_measure
    from ours as o
    left join aside as a on o.key = a.key
    where
        o.live
        and (o.day is null or o.day in (select c.day from compared_day as c))
        and not exists (select from unknown_person as u where u.person = o.person)
    group by coalesce(o.day, 'infinity')
)

select
    coalesce(t.day_key, o.day_key) as day_key,
    coalesce(t.rows, 0) as source_rows,
    coalesce(o.rows, 0) as warehouse_rows,
    coalesce(t.set_aside, 0) as set_aside,
    t.measure as source_sum,
    o.measure as warehouse_sum,
    coalesce(t.compared, 0) <> coalesce(o.compared, 0)
    or coalesce(t.digest, 0) <> coalesce(o.digest, 0)
    or coalesce(t.compared_measure, 0) <> coalesce(o.compared_measure, 0) as differs
from their_day as t
full join our_day as o on t.day_key = o.day_key
