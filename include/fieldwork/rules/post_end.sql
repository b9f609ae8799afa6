-- A post that was set by hand without an end holds until the source says something new.
-- Grain: (employee_id, valid_from). Inputs: post_change, ref.post.
update ref.post as p
set valid_to = c.valid_to
from post_change as c
where p.employee_id = c.employee_id and p.valid_to is null and p.valid_from < c.valid_to
