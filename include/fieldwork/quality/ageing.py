"""How long quarantined rows have waited, and the limits after which the daily run says so."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.settings import Settings
from fieldwork.warehouse.schema import ops

from .choice import OPEN

#: The columns of ages in the report, youngest first, as people read them.
BUCKETS: Final = {
    "under_1_day": "< 1 d", "days_1_to_3": "1–3 d", "days_3_to_7": "3–7 d", "days_7_to_30": "7–30 d",
    "over_30_days": "> 30 d",
}  # fmt: skip


def report(connection: sa.Connection) -> list[dict[str, Any]]:
    """Open rows by stream, rule and status with their ages, the oldest first; see ageing.sql."""
    query = files(__package__).joinpath("ageing.sql").read_text(encoding="utf-8")
    return [dict(row) for row in connection.execute(sa.text(query)).mappings()]


def waiting(connection: sa.Connection, settings: Settings) -> dict[str, Any]:
    """``{rows, oldest_days, warnings}`` of what is open; it warns of limits of ``[quality]`` passed (0: no limit)."""
    quality = settings.section("quality")
    most, longest = int(quality["quarantine_max_rows"]), int(quality["quarantine_max_age_days"])
    q = ops.quarantine.c
    age = sa.func.clock_timestamp() - q.set_aside_at
    old = age > sa.func.make_interval(0, 0, 0, longest)
    rows, too_old, oldest = connection.execute(
        sa.select(
            sa.func.count(),
            sa.func.count().filter(old),
            sa.func.coalesce(sa.cast(sa.extract("day", sa.func.max(age)), sa.Integer), 0),
        ).where(q.status.in_(OPEN))
    ).one()
    warnings = []
    if most and rows > most:
        warnings.append(f"{rows:,} rows wait in quarantine, more than quarantine_max_rows = {most:,}.")
    if longest and too_old:
        warnings.append(
            f"{too_old:,} quarantined rows have waited longer than quarantine_max_age_days = {longest}; "
            f"the oldest {oldest} days."
        )
    return {"rows": rows, "oldest_days": oldest, "warnings": warnings}
