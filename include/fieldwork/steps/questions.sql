-- The questions about ids, with the rows that wait for the answer; those that hold most rows first.
-- Grain: (system, external_id, reason, first_seen). Inputs: ops.identity_review, waiting, ref.identity; :settled (the
-- settled ones too, and ids that somebody gave to nobody while rows wait under them).
with held as (
    select
        w.system,
        w.external_id,
        count(*) as rows_held,
        count(*) filter (where i.external_id is not null) as rows_decided,
        min(i.valid_from) as decided_from,
        min(i.linked_at) as decided_at
    from waiting as w
    left join ref.identity as i
        on w.system = i.system and w.external_id = i.external_id
        and w.day >= i.valid_from and w.day < coalesce(i.valid_to, 'infinity')
    where i.employee_id is null
    group by w.system, w.external_id
),

asked as (
    select
        r.system,
        r.external_id,
        r.reason,
        r.candidates,
        case when r.status = 'open' then coalesce(h.rows_held, 0) else 0 end as rows_held,
        r.since,
        r.first_seen,
        r.status
    from ops.identity_review as r
    left join held as h on r.system = h.system and r.external_id = h.external_id
    where r.status = 'open' or :settled
    union all
    select system, external_id, 'unlinked', array[]::text[], rows_decided, decided_from, decided_at, 'decided'
    from held
    where rows_decided > 0 and :settled
)

select system, external_id, reason, candidates, rows_held, since, first_seen, status
from asked
order by status = 'open' desc, rows_held desc, first_seen asc, system asc, external_id asc, reason asc
