-- Near-duplicates: a punch that follows another of the same working day within the gap is that punch again, in chains
-- too; the earliest stands for all.
-- Grain: the rows of placed, with again added. Inputs: placed (working_day.sql), ref.rule_version.
select
    placed.*,
    coalesce(
        placed.punched_at - lag(placed.punched_at) over (
            partition by placed.employee_id, placed.working_day order by placed.punched_at, placed.record_id
        ) <= v.duplicate_seconds * interval '1 second',
        false
    ) as again
from placed
join ref.rule_version as v
    on placed.working_day >= v.valid_from and placed.working_day < coalesce(v.valid_to, 'infinity')
