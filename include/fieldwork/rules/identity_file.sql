-- A manual link from identity.csv, for an outside id that no rule could link.
-- Grain: one link per line. Inputs: the line's cells. Links that rules made stay as they are.
insert into ref.identity (system, external_id, valid_from, valid_to, employee_id, rule, linked_at)
select
    :system,
    :external_id,
    cast(:valid_from as date),
    cast(:valid_to as date),
    :employee_id,
    'file',
    now()
where not exists (
    select 1 from ref.identity as i
    where i.system = :system and i.external_id = :external_id and i.rule <> 'file'
)
on conflict do nothing
