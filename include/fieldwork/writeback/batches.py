"""Write batches: what one run sends of one kind. Opened in the transaction that fills the outbox, closed when all that
could be sent has an answer; each leaves two lines in the audit log, what was meant and what was done.
"""

from __future__ import annotations

import sqlalchemy as sa

from fieldwork.warehouse.schema import write

from .statements import read


def begin(
    connection: sa.Connection,
    *,
    run_id: str,
    system: str,
    kind: str,
    purpose: str = "write_back",
    undoes: int | None = None,
) -> int:
    """A new batch; returns its id."""
    values = {"run_id": run_id, "system": system, "kind": kind, "purpose": purpose, "undoes": undoes, "state": "open"}
    statement = sa.insert(write.write_batch).values(**values, opened_at=sa.func.clock_timestamp())
    batch: int = connection.execute(statement.returning(write.write_batch.c.write_batch_id)).scalar_one()
    return batch


def fill(connection: sa.Connection, batch: int, records: int) -> None:
    """The outbox holds what the batch is to send: note how many, and say so in the audit log."""
    _update(connection, batch, records=records)
    connection.execute(sa.text(read("open_batch")), {"batch": batch})


def drop_empty(connection: sa.Connection, batch: int) -> None:
    """A batch with nothing to send leaves nothing behind."""
    connection.execute(sa.delete(write.write_batch).where(write.write_batch.c.write_batch_id == batch))


def predict(connection: sa.Connection, batch: int, calls: int) -> None:
    """Note how many calls the batch is expected to take."""
    _update(connection, batch, predicted_calls=calls)


def spend(connection: sa.Connection, batch: int, calls: int) -> None:
    """Note calls as they are made: a process that dies leaves a true count to the one after it."""
    _update(connection, batch, used_calls=write.write_batch.c.used_calls + calls)


def end(connection: sa.Connection, batch: int, calls: int = 0) -> None:
    """Close the batch after ``calls`` more calls; closing it again counts its changes anew."""
    connection.execute(sa.text(read("close_batch")), {"batch": batch, "calls": calls})


def of(connection: sa.Connection, which: sa.ColumnElement[bool]) -> list[int]:
    """The batches of these changes."""
    query = sa.select(write.outbox.c.write_batch_id).where(which).distinct()
    return list(connection.execute(query).scalars())


def left_open(connection: sa.Connection, system: str) -> list[int]:
    """Batches whose process died, oldest first."""
    b = write.write_batch.c
    query = sa.select(b.write_batch_id).where(b.system == system, b.state == "open").order_by(b.write_batch_id)
    return list(connection.execute(query).scalars())


def _update(connection: sa.Connection, batch: int, **values: object) -> None:
    b = write.write_batch
    connection.execute(sa.update(b).where(b.c.write_batch_id == batch).values(**values))
