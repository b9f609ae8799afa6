-- Keep what was, on days for which nothing is kept yet: a post that was noted or set right before stays as it is.
-- Grain: (employee_id, valid_from). Inputs: post_span, ref.post.
insert into ref.post (employee_id, valid_from, valid_to, team, manager_user_id, rule, noted_at)
with kept as (
    select employee_id, range_agg(daterange(valid_from, valid_to)) as days
    from ref.post
    group by employee_id
)

select
    c.employee_id,
    lower(rest.days),
    upper(rest.days),
    c.team,
    c.manager_user_id,
    'source',
    now()
from post_span as c
left join kept on c.employee_id = kept.employee_id
cross join lateral unnest(
    datemultirange(
        daterange(c.valid_from, case when c.valid_to < c.valid_from then c.valid_from else c.valid_to end)
    ) - coalesce(kept.days, '{}'::datemultirange)
) as rest (days)
