-- Compare the fields that a batch's records had on the wire with those known of the stream; sets was and change.
-- Grain: one row per field, in ops.batch_field; a known field that the batch lacks gets a row of its own.
-- Keys: batch_id, field. Inputs: :batch_id, :system, :stream; :steady (a field that was in this share of the records
--         is always there), :enough (so many records without it say that it is missing); :by_chance (natural logarithm
--         of the odds at which it is no accident that a field that is not always there is in none).
-- A field's name begins with the call that gives it, and a blank: fields are compared where their call was looked at.
with looked as (
    select
        split_part(field, ' ', 1) as call,
        max(looked_at) as looked_at
    from ops.batch_field
    where batch_id = :batch_id
    group by split_part(field, ' ', 1)
),

known as (
    select
        field,
        mapped,
        kinds,
        longest,
        split_part(field, ' ', 1) as call,
        present / cast(looked_at as double precision) as share
    from ops.known_field
    where system = :system and stream = :stream
),

compared as (
    select
        looked.looked_at,
        known.kinds as was,
        coalesce(seen.field, known.field) as field,
        coalesce(seen.mapped, false) as mapped,
        coalesce(seen.kinds, '{}') as kinds,
        coalesce(seen.present, 0) as present,
        coalesce(seen.longest, 0) as longest,
        case
            when known.field is null
                then case
                    when seen.mapped or seen.present = 0 then 'same'
                    when exists (select 1 from known as other where other.call = looked.call) then 'new'
                    else 'same'
                end
            when coalesce(seen.present, 0) = 0
                then case
                    when known.share >= :steady and looked.looked_at >= :enough
                        then case when coalesce(seen.mapped, known.mapped) then 'missing' else 'gone' end
                    when known.share > 0 and looked.looked_at * ln(1 - least(known.share, 0.95)) < :by_chance then 'gone'
                    else 'same'
                end
            when known.kinds <> '{}' and not seen.kinds <@ known.kinds
                then case when seen.mapped then 'retyped' else 'changed' end
            when seen.longest > greatest(255, 4 * known.longest) then 'longer'
            else 'same'
        end as change
    from (select * from ops.batch_field where batch_id = :batch_id) as seen
    full join known on seen.field = known.field
    inner join looked on looked.call = coalesce(split_part(seen.field, ' ', 1), known.call)
)

insert into ops.batch_field as noted (batch_id, field, mapped, kinds, looked_at, present, longest, was, change)
select
    :batch_id,
    compared.field,
    compared.mapped,
    compared.kinds,
    compared.looked_at,
    compared.present,
    compared.longest,
    compared.was,
    compared.change
from compared
on conflict (batch_id, field) do update set was = excluded.was, change = excluded.change
