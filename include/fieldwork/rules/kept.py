"""Make a small table of ``ref`` say what it is to say: only rows that differ are written."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from .entries import Row


def differences(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Row], *, whole: bool = True
) -> list[tuple[Row | None, Row | None]]:
    """Pairs of what the table says and what it is to say, of keys for which the two differ.

    ``whole``: the rows are all that the table is to hold; else those of other keys stay as they are.
    """
    keys = [column.name for column in table.primary_key]
    wanted = {tuple(row[key] for key in keys): row for row in rows}
    query = sa.select(table)
    if not whole:
        query = query.where(sa.tuple_(*(table.c[key] for key in keys)).in_(wanted))
    there = {tuple(row[key] for key in keys): dict(row) for row in connection.execute(query).mappings()}
    return [
        (there.get(name), wanted.get(name))
        for name in there.keys() | wanted.keys()
        if there.get(name) != wanted.get(name)
    ]


def keep(connection: sa.Connection, table: sa.Table, rows: Sequence[Row], *, whole: bool = True) -> None:
    """Make the table hold these rows, and no others when they are all of it (``whole``)."""
    pairs = differences(connection, table, rows, whole=whole)
    keys = [column.name for column in table.primary_key]
    gone = [{f"old_{key}": old[key] for key in keys} for old, new in pairs if old and not new]
    if gone:
        this = sa.and_(*(table.c[key] == sa.bindparam(f"old_{key}") for key in keys))
        connection.execute(sa.delete(table).where(this), gone)
    upsert(connection, table, [new for _, new in pairs if new])


def upsert(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Write the rows over those of the same keys."""
    if not rows:
        return
    statement = insert(table)
    rest = {c.name: statement.excluded[c.name] for c in table.columns if not c.primary_key}
    connection.execute(statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=rest), list(rows))
