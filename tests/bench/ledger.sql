-- What the runs of so many days left in the books: a run a day, its steps, its closed batches, what the checks said, a few
-- rows in quarantine. Inputs: :first_day, :days, :zone.
with day as (
    select
        d,
        cast(:first_day as date) + d as on_day,
        (cast(:first_day as date) + d)::timestamp at time zone :zone as midnight,
        'past-' || d as run_id
    from generate_series(0, :days - 1) as d
),

stream as (
    select *
    from (
        values
        ('employees', 'dingtalk'), ('punches', 'dingtalk'), ('leave', 'dingtalk'), ('crm_users', 'salesforce'),
        ('accounts', 'salesforce'), ('visits', 'salesforce'), ('tasks', 'salesforce'), ('opportunities', 'salesforce')
    ) as s (stream, system)
),

runs as (
    insert into ops.run (run_id, since, until, as_of, streams, full_read, dry_run, state, started_at, finished_at)
    select
        run_id, on_day, on_day + 1, midnight + interval '26 hours', '["punches"]', false, false, 'done',
        midnight + interval '26 hours', midnight + interval '27 hours'
    from day
),

steps as (
    insert into ops.step (run_id, step, state, started_at, finished_at, result)
    select run_id, step, 'done', midnight + interval '26 hours', midnight + interval '27 hours', '{}'
    from day cross join unnest(array['check', 'load', 'build', 'audit', 'publish', 'write_back']) as step
),

batches as (
    insert into ops.batch (
        run_id, system, stream, kind, window_start, window_end, state, extracted, loaded, opened_at, closed_at
    )
    select
        run_id, system, stream, 'extract', midnight, midnight + interval '36 hours', 'closed', 5, 5,
        midnight + interval '26 hours', midnight + interval '26 hours'
    from day cross join stream
    order by d
    returning batch_id, run_id, stream, system, opened_at
),

checks as (
    insert into ops.check_result (
        run_id, dataset, batch_id, rule, severity, outcome, failing, total, suite_hash, checked_at
    )
    select run_id, stream, batch_id, stream || '.' || rule, 'critical', 'passed', 0, 5, 'hash', opened_at
    from batches cross join generate_series(1, 25) as rule
),

aside as (
    insert into ops.quarantine (
        batch_id, system, stream, key, payload, rule, reason, status, fingerprint, set_aside_at
    )
    select
        batch_id, system, stream, stream || batch_id || '-' || n, '{"user_id": "nobody", "owner_id": "nobody"}',
        stream || '.known', 'unknown', case when n < 5 then 'held' else 'superseded' end, batch_id || '-' || n, opened_at
    from batches cross join generate_series(1, 20) as n
    where stream in ('punches', 'visits')
)

insert into ops.watermark (system, stream, value, batch_id, moved_at)
select system, stream, max(opened_at), max(batch_id), max(opened_at)
from batches
group by system, stream
