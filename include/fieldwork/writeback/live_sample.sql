-- A few of the records just judged that would be sent, each with its fields as (what stands in the CRM, what would be
-- sent). Grain and key: key. Input: pg_temp.judged. Parameter: limit.
select
    key,
    jsonb_object_agg(name, jsonb_build_array(live, want)) as fields
from pg_temp.judged
where verdict = 'send'
group by key
order by key
limit :limit
