-- How long quarantined rows have waited. Grain: (stream, rule, status) of rows that are open.
-- Inputs: ops.quarantine; ages count from when a row was first set aside, by the database's clock.
select
    stream,
    rule,
    status,
    count(*) as "rows",
    count(*) filter (where set_aside_at > clock_timestamp() - interval '1 day') as under_1_day,
    count(*) filter (
        where set_aside_at <= clock_timestamp() - interval '1 day' and set_aside_at > clock_timestamp() - interval '3 days'
    ) as days_1_to_3,
    count(*) filter (
        where set_aside_at <= clock_timestamp() - interval '3 days' and set_aside_at > clock_timestamp() - interval '7 days'
    ) as days_3_to_7,
    count(*) filter (
        where set_aside_at <= clock_timestamp() - interval '7 days' and set_aside_at > clock_timestamp() - interval '30 days'
    ) as days_7_to_30,
    count(*) filter (where set_aside_at <= clock_timestamp() - interval '30 days') as over_30_days,
    extract(day from clock_timestamp() - min(set_aside_at))::integer as oldest_days
from ops.quarantine
where status in ('new', 'held', 'mended')
group by stream, rule, status
order by min(set_aside_at), stream, rule
