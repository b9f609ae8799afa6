-- Lay a person's changes on quarantined rows of one stream; the payload as it came stays beside the mended row.
-- Grain: one line of ops.quarantine per changed row. Inputs: :ids, :changes (texts of JSON objects, one an id),
--         :key_column (the stream's key). Returns: how many rows are different now.
-- A cell that was unknown and is given now answers what could not be read: parse_error goes.
with change as (
    select quarantine_id, cells::jsonb as cells
    from unnest(cast(:ids as bigint[]), cast(:changes as text[])) as given (quarantine_id, cells)
),

fresh as (
    select
        q.quarantine_id,
        q.status,
        coalesce(q.mended, q.payload) as before,
        coalesce(q.mended, q.payload) || change.cells || case
            when exists (
                select from jsonb_each(change.cells) as cell
                where cell.value <> 'null' and coalesce(q.mended, q.payload) -> cell.key = 'null'
            ) then '{"parse_error": null}'::jsonb
            else '{}'::jsonb
        end as mended
    from change
    join ops.quarantine as q on change.quarantine_id = q.quarantine_id
),

changed as (
    update ops.quarantine as q
    set mended = fresh.mended, key = fresh.mended ->> cast(:key_column as text), status = 'mended', settled_at = null
    from fresh
    where q.quarantine_id = fresh.quarantine_id and (fresh.mended <> fresh.before or fresh.status = 'dismissed')
    returning 1
)

select count(*) from changed
