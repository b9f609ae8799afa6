-- Records to be looked at again though nothing new was published for them: changes that wait, receipts that say so,
-- conflicts with people's edits that are not decided.
-- Grain and key: key, into pg_temp.asked. Inputs: ops.outbox, ops.receipt, ops.conflict. Parameters: system, kind.
insert into pg_temp.asked (key)
select key
from ops.outbox
where system = :system and kind = :kind and state in ('pending', 'sending') and undoes is null
union
select key
from ops.receipt
where system = :system and kind = :kind and look_again
union
select key
from ops.conflict
where system = :system and kind = :kind and state in ('open', 'ours')
