-- Take the days of what is said out of the posts that are kept; what is left of these stays as it was.
-- Grain: (employee_id, valid_from). Inputs: post_said, ref.post.
with cut as (
    delete from ref.post as p
    using post_said as s
    where p.employee_id = s.employee_id and daterange(p.valid_from, p.valid_to) && daterange(s.valid_from, s.valid_to)
    returning p.*
),

said as (
    select employee_id, range_agg(daterange(valid_from, valid_to)) as days
    from post_said
    group by employee_id
)

insert into ref.post (
    employee_id, valid_from, valid_to, team, manager_user_id, manager_employee_id, rule, noted_at
)
select
    cut.employee_id,
    lower(rest.days),
    upper(rest.days),
    cut.team,
    cut.manager_user_id,
    cut.manager_employee_id,
    cut.rule,
    cut.noted_at
from cut
join said on cut.employee_id = said.employee_id
cross join lateral unnest(datemultirange(daterange(cut.valid_from, cut.valid_to)) - said.days) as rest (days)
