"""The fields that a batch's records had on the wire, beside those known before: the facts of the suite ``fields``.

A connector says what it saw (:mod:`fieldwork.connectors.shape`), extract notes it, check compares, and a batch that is
checked becomes part of what is known. Names, kinds of value and lengths are kept, never values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from fieldwork.warehouse import ledger
from fieldwork.warehouse.schema import ops

#: A field that was in so large a share of the records is missing when it is in none of so many.
_STEADY: Final = 0.99
_ENOUGH: Final = 10
#: Any other (days off lack what working days have) is gone when that would happen by chance once in a million batches:
#: one that was in half of the records is in none of twenty.
_BY_CHANCE: Final = math.log(1e-6)


def note(connection: sa.Connection, batch_id: int, seen: Sequence[Mapping[str, Any]]) -> None:
    """Write down what a connector saw (name, mapped, kinds, looked_at, present, longest); attempts add up."""
    if not seen:
        return
    lines = [
        {**{name: value for name, value in one.items() if name != "name"}, "field": one["name"], "batch_id": batch_id}
        for one in ({**one, "kinds": list(one["kinds"])} for one in seen)
    ]
    statement = insert(ops.batch_field)
    fresh, mine = statement.excluded, ops.batch_field.c
    added = {
        "mapped": fresh.mapped,
        "kinds": sa.case((fresh.kinds == [], mine.kinds), else_=fresh.kinds),
        "looked_at": mine.looked_at + fresh.looked_at,
        "present": mine.present + fresh.present,
        "longest": sa.func.greatest(mine.longest, fresh.longest),
    }
    connection.execute(statement.on_conflict_do_update(index_elements=["batch_id", "field"], set_=added), lines)


def compare(connection: sa.Connection, batch: ledger.Batch) -> None:
    """Set ``was`` and ``change`` of the batch's fields in ``ops.batch_field``; a second call finds the same."""
    b = ops.batch_field.c
    # rows of known fields that an earlier attempt found missing are made again
    connection.execute(sa.delete(ops.batch_field).where(b.batch_id == batch.batch_id, b.kinds == [], ~b.mapped))
    _run(connection, "fields_compare.sql", batch, steady=_STEADY, enough=_ENOUGH, by_chance=_BY_CHANCE)


def learn(connection: sa.Connection, batch: ledger.Batch) -> None:
    """The batch's fields are known from now on; to be called once a batch. Of the batch only what changed is kept."""
    _run(connection, "fields_learn.sql", batch)
    b = ops.batch_field.c
    connection.execute(sa.delete(ops.batch_field).where(b.batch_id == batch.batch_id, b.change == "same"))


def judged(batch_ids: Sequence[int]) -> sa.Select[Any]:
    """What the suite ``fields`` judges of these batches: the fields that changed, with system and stream."""
    f, b = ops.batch_field.c, ops.batch.c
    columns = (b.batch_id, b.system, b.stream, f.field, f.mapped, f.kinds, f.was, f.looked_at, f.present, f.longest)
    changed = sa.and_(f.batch_id == b.batch_id, f.change != "same", b.batch_id.in_(batch_ids))
    return sa.select(*columns, f.change).where(changed)


def differences(connection: sa.Connection, batch_ids: Sequence[int]) -> list[str]:
    """What changed, one line a field and the pairs that may have been renamed, with kinds: the diff for people."""
    b = ops.batch_field.c
    rows = connection.execute(
        sa.select(b.batch_id, b.field, b.kinds, b.was, b.change)
        .where(b.batch_id.in_(batch_ids), b.change != "same")
        .order_by(b.batch_id, b.field)
    ).all()
    lines = [f"{row.field}: {_shown(row.was)} -> {_shown(row.kinds)} ({row.change})" for row in rows]
    for lost in (row for row in rows if row.change in ("missing", "gone")):
        call = lost.field.partition(" ")[0]
        lines += [
            f"{lost.field} may have been renamed to {new.field.partition(' ')[2]}"
            for new in rows
            if new.change == "new" and new.field.startswith(f"{call} ") and set(new.kinds) & set(lost.was or ())
        ]
    return lines


def _run(connection: sa.Connection, name: str, batch: ledger.Batch, **more: float) -> None:
    statement = files(__package__).joinpath(name).read_text(encoding="utf-8")
    values = {"batch_id": batch.batch_id, "system": batch.system, "stream": batch.stream, **more}
    connection.execute(sa.text(statement), values)


def _shown(kinds: Sequence[str] | None) -> str:
    return "/".join(kinds) if kinds else "nothing"
