-- What this read says about the links of its ids, as statements; what a link says already is not said again.
-- Grain: (system, external_id, valid_from). Inputs: claim, ref.identity, :system, :beginning.
--
-- The first person of an id that has no link yet has it from the beginning; whoever follows, from the day of hiring. An
-- id that has become doubtful has no person from today on: a statement without a rule ends the link.
insert into statement (system, external_id, valid_from, valid_to, employee_id, rule)
with said as (
    select
        c.user_id,
        c.employee_id,
        min(c.rule) as rule,
        min(c.since) as since,
        min(coalesce(c.hired_on, cast(:beginning as date))) as hired_on,
        bool_or(c.state = 'found' and c.was is null) as first_time,
        bool_or(c.state = 'held') as doubtful
    from claim as c
    where c.state = 'found' or c.since is not null
    group by c.user_id, c.employee_id
),

ordered as (
    select
        *,
        case
            when not first_time then coalesce(since, hired_on)
            when row_number() over of_one = 1 then cast(:beginning as date)
            else hired_on
        end as valid_from
    from said
    window of_one as (partition by user_id order by hired_on, employee_id)
),

spans as (
    select
        *,
        lead(valid_from) over (partition by user_id order by valid_from, employee_id) as valid_to
    from ordered
)

select
    :system,
    s.user_id,
    s.valid_from,
    s.valid_to,
    s.employee_id,
    case when not s.doubtful then s.rule end
from spans as s
where
    s.valid_from < coalesce(s.valid_to, 'infinity')
    and not exists (
        select
        from ref.identity as i
        where
            i.system = :system and s.user_id = i.external_id and i.employee_id = s.employee_id
            and daterange(i.valid_from, i.valid_to) @> daterange(s.valid_from, s.valid_to)
    )
