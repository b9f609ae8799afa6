-- Bring the list of questions to what was found: new questions are opened, those found again stay, those no longer found
-- are closed. Only reasons in :reasons were looked for, in :systems (null: in all); other questions stay as they are.
-- Grain: (system, external_id, reason). Inputs: problem (system, external_id, reason, candidates, since), :reasons,
-- :systems, :as_of.
with found as (
    select
        p.system,
        p.external_id,
        p.reason,
        min(p.since) as since,
        coalesce(array_agg(distinct one.candidate order by one.candidate) filter (where one.candidate is not null), '{}')
            as candidates
    from problem as p
    left join lateral unnest(p.candidates) as one (candidate) on true
    group by p.system, p.external_id, p.reason
),

closed as (
    update ops.identity_review as r
    set status = 'gone', settled_at = :as_of
    where
        r.status = 'open'
        and r.reason = any(cast(:reasons as text[]))
        and (cast(:systems as text[]) is null or r.system = any(cast(:systems as text[])))
        and not exists (
            select
            from found as f
            where f.system = r.system and f.external_id = r.external_id and f.reason = r.reason
        )
)

insert into ops.identity_review (system, external_id, reason, candidates, since, status, first_seen, last_seen)
select system, external_id, reason, candidates, since, 'open', :as_of, :as_of
from found
on conflict (system, external_id, reason) where status = 'open' do update
    set candidates = excluded.candidates, since = excluded.since, last_seen = excluded.last_seen
