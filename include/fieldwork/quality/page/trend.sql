-- The runs up to this one, oldest first: how much came, how much was set aside, how long it took. Grain: run.
-- Inputs: ops.run, ops.batch; :run_id, :runs (how many).
with this as (
    select started_at, kind from ops.run where run_id = :run_id
),

lately as (
    select r.run_id, r.since, r.until, r.state, r.started_at, r.finished_at
    from ops.run as r
    cross join this
    where r.kind = this.kind and r.started_at <= this.started_at
    order by r.started_at desc
    limit :runs
)

select
    l.run_id,
    l.since,
    l.until,
    l.state,
    l.started_at,
    coalesce(extract(epoch from l.finished_at - l.started_at), 0)::double precision as seconds,
    coalesce(sum(b.extracted) filter (where b.kind <> 'reconcile'), 0)::bigint as extracted,
    coalesce(sum(b.loaded), 0)::bigint as loaded,
    coalesce(sum(b.quarantined), 0)::bigint as quarantined
from lately as l
left join ops.batch as b on l.run_id = b.run_id and b.state <> 'abandoned'
group by l.run_id, l.since, l.until, l.state, l.started_at, l.finished_at
order by l.started_at
