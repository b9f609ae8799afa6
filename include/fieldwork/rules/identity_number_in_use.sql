-- People at work who have one employee number between them; who was decided about by hand raises no question.
-- Grain: (system, external_id). Inputs: core.employee, ref.identity, :system, :today.
insert into problem (system, external_id, reason, candidates)
with at_work as (
    select
        employee_id,
        user_id,
        array_agg(employee_id) over (partition by nullif(btrim(employee_no), '')) as candidates
    from core.employee
    where
        system = :system and missing_since is null and same_as is null and nullif(btrim(employee_no), '') is not null
        and coalesce(left_on, cast(:today as date)) >= cast(:today as date)
)

select :system, a.user_id, 'number_in_use', a.candidates
from at_work as a
where
    cardinality(a.candidates) > 1
    and not exists (
        select
        from ref.identity as i
        where
            i.system = :system and i.external_id = a.user_id and i.rule in ('manual', 'file')
            and daterange(i.valid_from, i.valid_to) @> cast(:today as date)
    )
