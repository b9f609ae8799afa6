-- Days for which an opportunity counts otherwise than it did: the day on which it was created, and, if it is won, the day
-- on which it was closed.
-- Grain: (employee_id, work_date). Inputs: delta, both sides; ref.rule_version.
insert into touch (employee_id, work_date)
with counted as (
    select
        d.side,
        d.opportunity_id,
        d.employee_id,
        'created' as what,
        (d.created_at at time zone v.time_zone)::date as work_date,
        null as amount,
        null as currency
    from delta as d
    join ref.rule_version as v
        on (d.created_at at time zone 'UTC')::date >= v.valid_from
        and (d.created_at at time zone 'UTC')::date < coalesce(v.valid_to, 'infinity')
    where d.deleted is not true
    union all
    select d.side, d.opportunity_id, d.employee_id, 'won', d.closed_on, d.amount, d.currency
    from delta as d
    where d.closed_on is not null and d.is_won and d.deleted is not true
)

select employee_id, work_date
from counted
group by opportunity_id, employee_id, what, work_date, amount, currency
having count(*) = 1
