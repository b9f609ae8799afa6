-- Move bad rows of one batch out of staging into ops.quarantine.
-- Grain: one line of the quarantine per distinct bad row (system, stream, fingerprint); all listed rows leave staging.
-- Inputs: broken (temporary: seq, place, rule, reason, held); staging.batch stands for the batch's table;
--         :batch_id, :system, :stream, :key_column (the stream's key), :notes (columns that are none of the record's).
-- Returns: how many rows left staging.
with verdict as (
    select
        seq,
        (array_agg(rule order by held, place))[1] as rule,
        string_agg(reason, '; ' order by held, place) as reason,
        bool_and(held) as held
    from broken
    group by seq
),

moved as (
    delete from staging.batch as staged
    using verdict
    where staged.seq = verdict.seq
    returning
        to_jsonb(staged) - cast(:notes as text[]) as payload,
        verdict.rule,
        verdict.reason,
        verdict.held
),

hashed as (
    select
        payload,
        rule,
        reason,
        case when held then 'held' else 'new' end as status,
        md5(jsonb_build_array(cast(:stream as text), payload, rule)::text) as fingerprint
    from moved
),

kept as (
    insert into ops.quarantine as known (
        batch_id, system, stream, key, payload, rule, reason, status, fingerprint, set_aside_at
    )
    select distinct on (fingerprint)
        cast(:batch_id as bigint) as batch_id,
        cast(:system as text) as system,
        cast(:stream as text) as stream,
        payload ->> cast(:key_column as text) as key,
        payload,
        rule,
        reason,
        status,
        fingerprint,
        clock_timestamp() as set_aside_at
    from hashed
    order by fingerprint
    on conflict (system, stream, fingerprint) do update set
        batch_id = excluded.batch_id,
        reason = case when known.mended is null then excluded.reason else known.reason end,
        seen = known.seen + case when known.batch_id = excluded.batch_id then 0 else 1 end,
        -- what a person dismissed or mended stays so; a bad row that came back after a good one is open again, and one
        -- whose owner is unknown again waits again
        status = case
            when
                known.status in ('dismissed', 'mended')
                or known.status = 'replayed' and excluded.status = 'new'
                or known.status in ('new', 'held') and known.mended is not null
                then known.status
            else excluded.status
        end,
        settled_at = case
            when known.status = 'dismissed' or known.status = 'replayed' and excluded.status = 'new'
                then known.settled_at
        end
)

select count(*) as rows_moved from moved
