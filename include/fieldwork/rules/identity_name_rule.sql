-- A link that a more trusted rule says too is that rule's from now on; whose days are whose does not change.
-- Grain: (system, external_id, valid_from). Inputs: wish, trust, ref.identity.
update ref.identity as i
set rule = w.rule
from wish as w, trust as t
where
    i.system = w.system
    and i.external_id = w.external_id
    and i.employee_id = w.employee_id
    and w.span @> daterange(i.valid_from, i.valid_to)
    and i.rule = t.rule
    and w.trust < t.trust
