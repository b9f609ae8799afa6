-- Ids whose person nobody knows: those of rows that wait, and CRM users at work. An id about which something else is
-- asked is left out; so are days that somebody gave to nobody.
-- Grain: (system, external_id). Inputs: waiting, ref.identity, core.crm_user, ops.identity_review.
--
-- unknown: the id has no link. outside_link: it has links, on other days than those of the rows.
insert into problem (system, external_id, reason, candidates, since)
with wanted as (
    select w.system, w.external_id, min(w.day) as since
    from waiting as w
    left join ref.identity as i
        on w.system = i.system and w.external_id = i.external_id
        and w.day >= i.valid_from and w.day < coalesce(i.valid_to, 'infinity')
    where i.external_id is null
    group by w.system, w.external_id
    union all
    select u.system, u.crm_user_id, null
    from core.crm_user as u
    where
        u.active is distinct from false
        and not exists (
            select from ref.identity as i
            where i.system = u.system and i.external_id = u.crm_user_id
        )
),

linked as (
    select i.system, i.external_id, array_agg(distinct i.employee_id order by i.employee_id) as candidates
    from ref.identity as i
    join wanted as w on i.system = w.system and i.external_id = w.external_id
    group by i.system, i.external_id
)

select
    w.system,
    w.external_id,
    case when l.external_id is null then 'unknown' else 'outside_link' end,
    array_remove(l.candidates, null),
    w.since
from wanted as w
left join linked as l on w.system = l.system and w.external_id = l.external_id
where
    not exists (
        select
        from ops.identity_review as r
        where
            r.system = w.system and r.external_id = w.external_id and r.status = 'open'
            and r.reason not in ('unknown', 'outside_link')
    )
