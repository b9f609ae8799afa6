-- People whom a full read lacks, and people who are back in it.
-- Grain: one row per employee whose presence changed. Inputs: incoming (this read), ops.quarantine, :system, :batch_id,
-- :as_of. Rows of an id that has become doubtful, or that were set aside, say of nobody that he is missing.
with present as (
    select employee_id from incoming where employee_id is not null
    union
    select e.employee_id
    from core.employee as e
    join incoming as i on e.user_id = i.user_id
    where e.system = :system and i.employee_id is null
    union
    select e.employee_id
    from core.employee as e
    join ops.quarantine as q on e.system = q.system and e.user_id = q.key
    where q.stream = 'employees' and q.system = :system and q.batch_id = :batch_id
)

update core.employee as e
set missing_since = case when e.missing_since is null then cast(:as_of as timestamptz) end
from core.employee as same
left join present on same.employee_id = present.employee_id
where
    e.employee_id = same.employee_id
    and e.system = :system
    and (e.missing_since is null) = (present.employee_id is null)
