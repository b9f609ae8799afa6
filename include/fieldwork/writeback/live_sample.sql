-- A few of the records just judged that would be sent, each with its fields as (what stands in the CRM, what would be
-- sent). Grain and key: key. Input: pg_temp.judged. Parameter: limit.
with field as (
    select key, name, live, want from pg_temp.judged where verdict = 'send'
    union all
    select judged.key, wish.name, null, wish.value
    from pg_temp.judged as judged
    cross join lateral jsonb_each(judged.want) as wish (name, value)
    where judged.verdict = 'make'
)

select
    key,
    jsonb_object_agg(name, jsonb_build_array(live, want)) as fields
from field
group by key
order by key
limit :limit
