"""Rows of a closed batch, whose staging is gone: what core still holds of it, in the columns of staging."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from fieldwork.streams import Stream
from fieldwork.warehouse import staging
from fieldwork.warehouse.merge import TABLES


def rows_of(stream: Stream, batch_id: int) -> sa.Select[Any]:
    """The records that this batch changed last, with what we would note beside them left empty.

    A record that a later batch changed is not among them, nor one that was set aside or stayed as it was.
    """
    first, *others = TABLES[stream.name]
    kept: dict[str, sa.ColumnElement[Any]] = {}
    source: sa.FromClause = first
    for table in (first, *others):
        kept |= {name: table.c[name] for name in stream.columns if name in table.c and name not in kept}
    for table in others:
        keys = [column.name for column in table.primary_key.columns]
        source = source.outerjoin(table, sa.and_(*(first.c[key] == table.c[key] for key in keys)))
    rows = sa.select(*(column.label(name) for name, column in kept.items()))
    found = rows.select_from(source).where(first.c.batch_id == batch_id).subquery("found")
    staged = staging.table(stream, batch_id)
    return sa.select(
        sa.func.row_number().over(order_by=found.c[stream.key]).label("seq"),
        *(_as_staged(column, found) for column in staged.columns if column.name != "seq"),
    )


def _as_staged(column: sa.Column[Any], found: sa.Subquery) -> sa.ColumnElement[Any]:
    if column.name in found.c:
        return found.c[column.name]
    if column.computed is not None:
        return sa.literal_column(f"({column.computed.sqltext})").label(column.name)
    return sa.cast(sa.null(), column.type).label(column.name)
