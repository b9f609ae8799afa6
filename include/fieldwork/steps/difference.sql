-- How the computed rows of one joined table differ from the published rows of the same person-days.
-- Grain: one line per changed column; one line for a row that is new or gone. Into difference (temporary).
-- Inputs: build.person_day, and build.joined, mart.joined and own_key, which stand for the table's names and for the
-- second column of its key; :dataset. Keys: dataset, employee_id, key. A row that is known already (days that hang
-- together are computed with each of them) is not noted twice.
insert into difference (dataset, employee_id, work_date, key, change, column_name, old, new)
with computed as (
    select b.employee_id, b.work_date, to_jsonb(b) - 'run_id' as content
    from build.joined as b
),

published as (
    -- the second part: a visit that comes from a day that is not computed again
    select m.employee_id, m.work_date, to_jsonb(m) - 'published_at' as content
    from mart.joined as m
    join build.person_day as d on m.employee_id = d.employee_id and m.work_date = d.work_date
    union
    select m.employee_id, m.work_date, to_jsonb(m) - 'published_at'
    from mart.joined as m
    join build.joined as b on m.employee_id = b.employee_id and m.own_key = b.own_key
),

paired as (
    select
        coalesce(c.employee_id, p.employee_id) as employee_id,
        coalesce(c.work_date, p.work_date) as work_date,
        coalesce(c.content, p.content) ->> 'own_key' as key,
        case when p.content is null then 'new' when c.content is null then 'gone' else 'changed' end as change,
        p.content as old,
        c.content as new
    from published as p
    full join computed as c
        on p.employee_id = c.employee_id
        and p.content ->> 'own_key' = c.content ->> 'own_key'
    where p.content is distinct from c.content
)

select
    cast(:dataset as text),
    p.employee_id,
    p.work_date,
    p.key,
    p.change,
    field.name,
    p.old ->> field.name,
    p.new ->> field.name
from paired as p
left join lateral (
    select jsonb_object_keys(p.new) as name
    where p.change = 'changed'
) as field on p.old -> field.name is distinct from p.new -> field.name
where
    (p.change <> 'changed' or field.name is not null)
    and not exists (
        select
        from difference as known
        where known.dataset = :dataset and known.employee_id = p.employee_id and known.key = p.key
    )
