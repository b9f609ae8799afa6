-- What an interrupted undo of the same batch left waiting belongs to this one.
-- Grain: one row of ops.outbox. Inputs: ops.outbox. Parameters: undone (the batch), batch (the undo), run_id.
update ops.outbox as waiting
set write_batch_id = :batch, run_id = :run_id
from ops.outbox as taken
where taken.write_batch_id = :undone and waiting.undoes = taken.outbox_id and waiting.state = 'pending'
