"""Taking a batch back: the values that stood before it are put where it changed something, as a batch of its own.

Spared are fields that people edited since, and fields that a later batch of ours has written. What was taken back is
parked: the next run does not send it again until its value changes, or the undo is lifted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from fieldwork.errors import ConfigError
from fieldwork.warehouse.schema import ops, write

from . import batches, outbox
from .statements import read


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as ``ops.write_batch`` has it."""

    write_batch_id: int
    system: str
    kind: str
    purpose: str
    state: str


def batch(connection: sa.Connection, number: int) -> Batch:
    """The batch of this number; raises ConfigError when there is none, or when it sends nothing that can be undone."""
    b = write.write_batch.c
    columns = [b[name] for name in Batch.__dataclass_fields__]
    row = connection.execute(sa.select(*columns).where(b.write_batch_id == number)).one_or_none()
    if row is None or row.purpose not in ("write_back", "undo"):
        raise ConfigError(f"There is no batch {number} to undo.", todo="See `fieldwork crm batches`.")
    return Batch(*row)


def enqueue(connection: sa.Connection, undone: Batch, *, run_id: str) -> tuple[int, int]:
    """Put what takes the batch back into the outbox; the undo's own batch, and how many changes it has.

    Changes of ours that wait for the same records give way: they are parked with the undo, or wanted anew.
    """
    own = batches.begin(
        connection, run_id=run_id, system=undone.system, kind=undone.kind, purpose="undo", undoes=undone.write_batch_id
    )
    _give_way(connection, undone)
    mine: dict[str, Any] = {"undone": undone.write_batch_id, "batch": own, "run_id": run_id}
    records = connection.execute(sa.text(read("undo_again")), mine).rowcount
    return own, records + connection.execute(sa.text(read("undo")), mine).rowcount


def _give_way(connection: sa.Connection, undone: Batch) -> None:
    """Changes of ours that wait for the records of the batch are not sent after it is taken back."""
    o, taken = write.outbox.c, write.outbox.alias("taken").c
    concerned = sa.select(taken.key).where(taken.write_batch_id == undone.write_batch_id, taken.state == "sent")
    waits = outbox.of(undone.system, undone.kind, "pending")
    connection.execute(
        sa.update(write.outbox)
        .where(waits, o.undoes.is_(None), o.key.in_(concerned))
        .values(state="superseded", settled_at=sa.func.clock_timestamp())
    )


def count(connection: sa.Connection, undone: Batch, own: int, records: int) -> dict[str, int]:
    """Of an undo that is in the outbox: records to ``put_back`` and to ``delete``; ``left`` are those that a later
    batch of ours has written, or that were taken back before.
    """
    o = write.outbox.c
    deletes = connection.execute(
        sa.select(sa.func.count()).where(o.write_batch_id == own, o.operation == "delete")
    ).scalar_one()
    accepted = connection.execute(
        sa.select(sa.func.count()).where(o.write_batch_id == undone.write_batch_id, o.state == "sent")
    ).scalar_one()
    return {"put_back": records - deletes, "delete": deletes, "left": accepted - records}


def sample(connection: sa.Connection, own: int, *, limit: int) -> dict[str, Any]:
    """A few records of an undo that is in the outbox, each with its fields as (now, then); a deletion has none."""
    o, r = write.outbox.c, write.receipt.c
    same = sa.and_(r.system == o.system, r.kind == o.kind, r.key == o.key)
    query = (
        sa.select(o.key, o.operation, o.payload, r.payload.label("stands"))
        .join(write.receipt, same)
        .where(o.write_batch_id == own)
        .order_by(o.outbox_id)
        .limit(limit)
    )
    return {
        row.key: {}
        if row.operation == "delete"
        else {name: [(row.stands or {}).get(name), value] for name, value in row.payload.items()}
        for row in connection.execute(query)
    }


def lift(engine: sa.Engine, number: int, *, who: str) -> int:
    """Let what an undo took back be sent again by the next run; returns how many records.

    Raises ConfigError when the batch is no undo.
    """
    with engine.begin() as connection:
        undo = batch(connection, number)
        if undo.purpose != "undo":
            raise ConfigError(f"Batch {number} is no undo.", todo="Name the undo's own batch: `fieldwork crm batches`.")
        o, r = write.outbox.c, write.receipt.c
        theirs = sa.select(o.key).where(o.write_batch_id == number, o.state.in_(["sent", "same"]))
        lifted = connection.execute(
            sa.update(write.receipt)
            .where(r.system == undo.system, r.kind == undo.kind, r.key.in_(theirs), r.parked.is_not(None))
            .values(parked=sa.null(), look_again=True)
        ).rowcount
        now = sa.func.clock_timestamp()
        b = write.write_batch
        connection.execute(sa.update(b).where(b.c.write_batch_id == number).values(lifted_at=now))
        connection.execute(
            sa.insert(ops.audit_log).values(
                at=now, who=who, action="lifted an undo", rows=lifted, detail={"batch": number, "kind": undo.kind}
            )
        )
    return lifted
