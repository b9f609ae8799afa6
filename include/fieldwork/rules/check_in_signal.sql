-- Adds to the check-ins what their trail says about them. Behind accuracy_*, the only signals that a known position may
-- have had so far: the names stay sorted.
-- Inputs: check_in_trail, and check_in, which is changed. Key: check_in_no.
update check_in as c
set signals
= c.signals
|| array_remove(
    array[
        case when t.impossible_travel then 'impossible_travel' end,
        case when t.repeated_position then 'repeated_position' end
    ],
    null
)
from check_in_trail as t
where c.check_in_no = t.check_in_no and (t.impossible_travel or t.repeated_position)
