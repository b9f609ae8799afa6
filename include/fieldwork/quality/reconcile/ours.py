"""What the warehouse holds of a stream, in the shape in which a source tells it: key, day, person, measure."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from fieldwork.streams import DAY_COLUMN, MEASURE, Stream
from fieldwork.warehouse.merge import TABLES


def ours(stream: Stream, system: str, zone: str) -> sa.Select[Any]:
    """``key, live, day, person, measure`` of every record in core; instants by their day in ``zone``.

    Not live is what was deleted, or what a source was found to have no more.
    """
    table = TABLES[stream.name][0]
    person = table.c[stream.person] if stream.person else sa.null()
    return sa.select(
        table.c[stream.key].label("key"),
        live(table).label("live"),
        _day(table, stream, zone).label("day"),
        sa.cast(person, sa.Text).label("person"),
        _measure(table, stream).label("measure"),
    ).where(table.c.system == system)


def live(table: sa.Table) -> sa.ColumnElement[bool]:
    """The record stands: neither deleted nor missing."""
    if "deleted" in table.c:
        return sa.not_(table.c.deleted)
    return table.c.missing_since.is_(None) if "missing_since" in table.c else sa.true()


def _day(table: sa.Table, stream: Stream, zone: str) -> sa.ColumnElement[Any]:
    name = DAY_COLUMN.get(stream.name)
    if name is None:
        return sa.cast(sa.null(), sa.Date)
    column = table.c[name]
    return column if isinstance(column.type, sa.Date) else sa.cast(sa.func.timezone(zone, column), sa.Date)


def _measure(table: sa.Table, stream: Stream) -> sa.ColumnElement[Any]:
    names = MEASURE.get(stream.name)
    if names is None:
        return sa.cast(sa.null(), sa.Numeric(18, 2))
    if len(names) == 1:
        return table.c[names[0]]
    start, end = (table.c[name] for name in names)
    return sa.cast(sa.func.floor(sa.extract("epoch", end - start) / 60), sa.Numeric(18, 2))
