-- The questions about ids, with the rows that wait for the answer; those that hold most rows first.
-- Grain: review_id. Inputs: ops.identity_review, waiting, ref.identity; :settled (the settled ones too).
with held as (
    select w.system, w.external_id, count(*) as rows_held
    from waiting as w
    left join ref.identity as i
        on w.system = i.system and w.external_id = i.external_id
        and w.day >= i.valid_from and w.day < coalesce(i.valid_to, 'infinity')
    where i.employee_id is null
    group by w.system, w.external_id
)

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
order by r.status = 'open' desc, rows_held desc, r.first_seen asc, r.system asc, r.external_id asc, r.reason asc
