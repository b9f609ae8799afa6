"""The outbox: what is to be sent stands here, committed, before the first call; a run that dies leaves it waiting.

From ``pg_temp.difference`` into ``ops.outbox``, and from there in waves to the connector, most important first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from fieldwork.connectors.base import CHANGED
from fieldwork.warehouse.schema import write

from .fields import FIELDS
from .statements import read

_NAMES: Final = sa.literal_column("array(select jsonb_object_keys(ops.outbox.changes))", ARRAY(sa.Text))


@dataclass(frozen=True, slots=True)
class Waiting:
    """A change that waits to be sent: its id, the record's key, and whether it deletes."""

    outbox_id: int
    key: str
    deletes: bool


def tidy(connection: sa.Connection, system: str, kind: str) -> None:
    """Before the staged difference goes in: waiting changes that it does not hold are superseded, looks that were asked
    for are taken, conflicts over records that are wanted no more are over.
    """
    for name in ("supersede", "looked_at", "unwanted"):
        connection.execute(sa.text(read(name)), {"system": system, "kind": kind})


def enqueue(connection: sa.Connection, *, run_id: str, batch: int, system: str, kind: str) -> int:
    """The staged difference into the outbox, as changes of this batch; returns how many."""
    mine: dict[str, Any] = {"system": system, "kind": kind, "run_id": run_id, "batch": batch}
    return sum(connection.execute(sa.text(read(name)), mine).rowcount for name in ("adopt", "enqueue"))


def of(system: str, kind: str, state: str, batch: int | None = None) -> sa.ColumnElement[bool]:
    """Changes of this kind in this state: of one batch, or of all, also those that an earlier run left."""
    o = write.outbox.c
    mine = sa.true() if batch is None else o.write_batch_id == batch
    return sa.and_(o.system == system, o.kind == kind, o.state == state, mine)


def count(connection: sa.Connection, which: sa.ColumnElement[bool]) -> int:
    """How many changes these are."""
    return connection.execute(sa.select(sa.func.count()).select_from(write.outbox).where(which)).scalar_one()


def waves(engine: sa.Engine, which: sa.ColumnElement[bool], *, size: int, most: int) -> Iterator[list[Waiting]]:
    """At most ``most`` of these changes, most important first, ``size`` at a time; each is given once.

    Read as they are taken, so that a million waiting changes take the memory of one wave.
    """
    o = write.outbox.c
    place: tuple[int, int] = (-1, -1)
    while most > 0:
        query = (
            sa.select(o.outbox_id, o.key, o.operation, o.rank)
            .where(which)
            .where(sa.tuple_(o.rank, o.outbox_id) > sa.tuple_(*map(sa.literal, place)))
            .order_by(o.rank, o.outbox_id)
            .limit(min(size, most))
        )
        with engine.connect() as connection:
            found = connection.execute(query).all()
        if not found:
            return
        place = (found[-1].rank, found[-1].outbox_id)
        most -= len(found)
        yield [Waiting(row.outbox_id, row.key, row.operation == "delete") for row in found]


def rows(connection: sa.Connection, kind: str, ids: Sequence[int]) -> pa.Table:
    """These changes as they go out, in the order of ``ids``: ``key``, the fields that any of them changes with the
    types of :data:`FIELDS`, ``write_key`` where there is one, and :data:`CHANGED`.
    """
    o = write.outbox.c
    names = ["write_key", *FIELDS[kind]]
    query = sa.select(
        o.outbox_id,
        o.key,
        *(o.changes[name].astext.label(name) for name in names),
        _NAMES.label(CHANGED),
    ).where(_among(ids))
    found = {row.outbox_id: row for row in connection.execute(query)}
    ordered = [found[outbox_id] for outbox_id in ids]
    sent = {name for row in ordered for name in getattr(row, CHANGED)}
    arrays: dict[str, pa.Array] = {"key": pa.array([row.key for row in ordered], pa.string())}
    for at, name in enumerate(names, start=2):
        if name in sent:
            texts = pa.array([row[at] for row in ordered], pa.string())
            arrays[name] = texts.cast(FIELDS[kind].get(name, pa.string()))
    arrays[CHANGED] = pa.array([getattr(row, CHANGED) for row in ordered], pa.list_(pa.string()))
    return pa.table(arrays)


def to_send(connection: sa.Connection, kind: str, ids: Sequence[int], *, deletes: bool) -> pa.Table:
    """These changes as the target takes them, in the order of ``ids``; all of them deletions, or none."""
    return _to_delete(connection, ids) if deletes else rows(connection, kind, ids)


def _to_delete(connection: sa.Connection, ids: Sequence[int]) -> pa.Table:
    """``key`` and the record's ``crm_id``."""
    o, r = write.outbox.c, write.receipt.c
    same = sa.and_(r.system == o.system, r.kind == o.kind, r.key == o.key)
    query = sa.select(o.outbox_id, o.key, r.crm_id).join(write.receipt, same).where(_among(ids))
    found = {row.outbox_id: row for row in connection.execute(query)}
    ordered = [found[outbox_id] for outbox_id in ids]
    return pa.table(
        {name: pa.array([getattr(row, name) for row in ordered], pa.string()) for name in ("key", "crm_id")}
    )


@dataclass(frozen=True, slots=True)
class Fact:
    """What the outbox says of one change; ``existed``: the CRM had the record when it was handed over."""

    key: str
    state: str
    existed: bool
    deletes: bool


def facts(connection: sa.Connection, ids: Sequence[int]) -> dict[int, Fact]:
    """What the outbox says of these changes, by id, in the order of ``ids``."""
    o = write.outbox.c
    query = sa.select(o.outbox_id, o.key, o.state, o.existed, o.operation).where(_among(ids))
    found = {
        row.outbox_id: Fact(row.key, row.state, bool(row.existed), row.operation == "delete")
        for row in connection.execute(query)
    }
    return {one: found[one] for one in ids}


def release(connection: sa.Connection, ids: Sequence[int]) -> None:
    """Changes that were handed over and certainly not executed wait again."""
    o = write.outbox.c
    connection.execute(
        sa.update(write.outbox).where(_among(ids), o.state == "sending").values(state="pending", job=None)
    )


def note_job(connection: sa.Connection, ids: Sequence[int], job: str) -> None:
    """The bulk job that carries these changes, noted before it is let go."""
    connection.execute(sa.update(write.outbox).where(_among(ids)).values(job=job))


def jobs(connection: sa.Connection, system: str, kind: str) -> dict[str, list[tuple[int, str]]]:
    """Bulk jobs that a process left behind: job -> ids and keys of the changes that it carries."""
    o = write.outbox.c
    query = (
        sa.select(o.job, o.outbox_id, o.key)
        .where(o.system == system, o.kind == kind, o.state == "sending", o.job.is_not(None))
        .order_by(o.outbox_id)
    )
    found: dict[str, list[tuple[int, str]]] = {}
    for row in connection.execute(query):
        found.setdefault(row.job, []).append((row.outbox_id, row.key))
    return found


def _among(ids: Sequence[int]) -> sa.ColumnElement[bool]:
    """One of these changes; one parameter, however many they are."""
    return write.outbox.c.outbox_id == sa.any_(sa.literal(list(ids), ARRAY(sa.BigInteger)))
