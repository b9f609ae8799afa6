"""What a suite of a joined table judges: the table's own columns, and a few that only arithmetic gives."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

#: Columns that a suite may name beside those of the table, as SQL over its columns.
DERIVED: Final[dict[str, dict[str, str]]] = {
    "attendance_day": {
        "span_minutes": "extract(epoch from last_out - first_in) / 60",
        "shift_minutes": "extract(epoch from shift_end - shift_start) / 60",
        "late_early_minutes": "late_minutes + early_minutes",
    },
}


def rows_of(table: sa.Table, run_id: str | None = None) -> sa.Select[Any]:
    """The rows of one run in a table of ``build``, or all of one in ``mart``, with the derived columns."""
    own = [column for column in table.columns if column.name not in ("run_id", "published_at")]
    more: list[Any] = [sa.literal_column(f"({how})").label(name) for name, how in DERIVED.get(table.name, {}).items()]
    rows = sa.select(*own, *more)
    return rows if run_id is None else rows.where(table.c.run_id == run_id)
