-- Why edges are missed, or wrong, in the warehouse's own words: one row a kind and reason, the most frequent first.
-- Grain: (kind, reason). Inputs: score_edge, truth_visits, mart.visit_check, mart.unmatched_check_in, core.punch,
-- ops.quarantine.
with missed as (
    select
        e.employee_id,
        e.visit_id,
        e.real_at,
        e.computed,
        t.user_id
    from score_edge as e
    join truth_visits as t on e.visit_id = t.visit_id
    where e.is_real and not e.is_right
),

set_aside as (
    select
        payload ->> 'user_id' as user_id,
        (payload ->> 'punched_at')::timestamptz as punched_at,
        min(rule) as rule
    from ops.quarantine
    where stream = 'punches' and status in ('new', 'held')
    group by payload ->> 'user_id', (payload ->> 'punched_at')::timestamptz
),

reasoned as (
    select
        case
            when not m.computed then 'the visit is not computed'
            when q.rule is not null then 'the check-in is set aside: ' || q.rule
            when p.record_id is null then 'the check-in is not loaded'
            when other.visit_id is not null then 'the check-in proves another visit'
            when u.reason_code = 'already_proven' then 'another check-in proves the visit'
            when cardinality(u.signals) > 0 then u.reason_code || ', with ' || array_to_string(u.signals, ' and ')
            when u.record_id is not null then u.reason_code
            when p.record_id is not null then 'the check-in counts as a second press'
        end as reason
    from missed as m
    left join core.punch as p
        on m.employee_id = p.employee_id and m.real_at = p.punched_at and p.kind = 'field'
    left join set_aside as q on m.user_id = q.user_id and m.real_at = q.punched_at and p.record_id is null
    left join mart.unmatched_check_in as u on p.employee_id = u.employee_id and p.record_id = u.record_id
    left join mart.visit_check as other
        on p.employee_id = other.employee_id and p.record_id = other.record_id and other.verdict = 'verified'
),

wrong as (
    select
        case
            when made_for = visit_id then 'made for the visit, but too far or not in time in truth'
            when made_for is not null then 'made for another visit'
            when known then 'off plan'
            else 'nobody made the check-in'
        end as reason
    from score_edge
    where is_found and not is_right
)

select
    'missed' as kind,
    coalesce(reason, 'unexplained') as reason,
    count(*) as edges
from reasoned
group by reason
union all
select
    'wrong' as kind,
    reason,
    count(*) as edges
from wrong
group by reason
order by kind asc, edges desc, reason asc
