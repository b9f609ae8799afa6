"""Whose a row is: the person that the owner's id means on the day of the row.

One place says on which day a row is dated: for rows that arrive (merge), wait (release) and are moved (follow).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.streams import Stream

from .schema import ref

#: The column that dates a row; streams that are not here, and rows without a value, are of today.
DATED_BY: Final[dict[str, str]] = {
    "punches": "punched_at",
    "leave": "start_at",
    "visits": "planned_start",
    "tasks": "due_on",
    "opportunities": "created_at",
}


def day(stream: Stream, columns: Mapping[str, Any] | Any, time_zone: str, today: date) -> sa.ColumnElement[Any]:
    """The local date of a row, from its canonical columns."""
    name = DATED_BY.get(stream.name)
    if name is None:
        return sa.literal(today, sa.Date)
    column = columns[name]
    local = column if isinstance(column.type, sa.Date) else sa.cast(sa.func.timezone(time_zone, column), sa.Date)
    return sa.func.coalesce(local, sa.literal(today, sa.Date))


def holds(
    system: str | sa.ColumnElement[str], external_id: sa.ColumnElement[Any], on: sa.ColumnElement[Any]
) -> sa.ColumnElement[bool]:
    """The link of ``ref.identity`` is that of the id on the day; at most one is (spans never overlap)."""
    link = ref.identity.c
    return sa.and_(
        link.system == system,
        link.external_id == external_id,
        link.valid_from <= on,
        sa.or_(link.valid_to.is_(None), link.valid_to > on),
    )
