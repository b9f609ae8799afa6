"""What a suite is told about the day: how many rows are plausible, and where the future begins."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.settings import Settings
from fieldwork.streams import stream
from fieldwork.warehouse import ledger
from fieldwork.warehouse.merge import TABLES
from fieldwork.warehouse.schema import ops

from .batch_day import people_by_day

#: The names that a suite of a stream, of days, of fields and of a joined table may use.
OF_STREAMS: Final = ("min_rows", "max_rows", "latest_plausible", "latest_planned", "latest_planned_day")
OF_DAYS: Final = ("volume_warn_low", "volume_warn_high", "volume_stop_low", "volume_stop_high", "stale_days")
OF_JOINED: Final = ("min_rows", "max_rows")


def of_batch(connection: sa.Connection, settings: Settings, run: ledger.Run, batch: ledger.Batch) -> dict[str, Any]:
    """Values for ``{"$PARAMETER": name}`` in a stream's suite; instants as ISO 8601 with offset.

    ``latest_plausible``: the run's now and ``future_minutes``. ``latest_planned`` (``_day``: its date): the run's now
    and ``horizon_days``. ``min_rows``, ``max_rows``: the band of the row count.
    """
    quality = settings.section("quality")
    latest_planned = run.as_of + timedelta(days=quality["horizon_days"])
    return {
        "min_rows": least_rows(connection, settings, batch),
        "max_rows": quality["max_rows"],
        "latest_plausible": (run.as_of + timedelta(minutes=quality["future_minutes"])).isoformat(),
        "latest_planned": latest_planned.isoformat(),
        "latest_planned_day": latest_planned.date().isoformat(),
    }


def of_days(settings: Settings) -> dict[str, Any]:
    """The same for the suite ``days``: the bands of a day's rows as shares of the usual, and how old is stale."""
    quality = settings.section("quality")
    warn, stop = quality["volume_warn"], quality["volume_stop"]
    return {
        "volume_warn_low": warn[0],
        "volume_warn_high": warn[1],
        "volume_stop_low": stop[0],
        "volume_stop_high": stop[1],
        "stale_days": quality["stale_days"],
    }


def least_rows(connection: sa.Connection, settings: Settings, batch: ledger.Batch) -> int:
    """Fewer rows than this are suspicious.

    A stream that is read whole: ``shrink_share`` of what its last closed batch had, at least 1. A stream of changes
    that is read from the beginning: ``shrink_share`` of what is loaded. Punches: 1 when their window holds
    ``suspicious_person_days`` planned person-days or more. Otherwise 0: a quiet day has no leave.
    """
    quality = settings.section("quality")
    share, cursor = float(quality["shrink_share"]), stream(batch.stream).cursor
    if cursor == "full":
        return max(1, math.ceil(share * _rows_last_time(connection, batch)))
    if cursor == "modified" and batch.window.start is None:
        return math.ceil(share * _rows_loaded(connection, batch))
    if batch.stream == "punches":
        planned = planned_person_days(connection, settings, batch)
        return int(planned >= quality["suspicious_person_days"])
    return 0


def planned_person_days(connection: sa.Connection, settings: Settings, batch: ledger.Batch) -> int:
    """Working days by the calendar times the people employed on each; of the batch's window the days that are over."""
    zone = settings.time_zone
    last = batch.window.end.astimezone(zone).date()
    first = batch.window.start.astimezone(zone).date() if batch.window.start else date.min
    return sum(people_by_day(connection, batch, first, last).values())


def _rows_last_time(connection: sa.Connection, batch: ledger.Batch) -> int:
    b = ops.batch.c
    return (
        connection.execute(
            sa.select(b.extracted - b.out_of_scope)
            .where(b.system == batch.system, b.stream == batch.stream, b.kind == "extract", b.state == "closed")
            .order_by(b.batch_id.desc())
            .limit(1)
        ).scalar_one_or_none()
        or 0
    )


def _rows_loaded(connection: sa.Connection, batch: ledger.Batch) -> int:
    """Records of the stream that stand in core and are not deleted: a read from the beginning gives them again."""
    table = TABLES[batch.stream][0]
    there = sa.not_(table.c.deleted) if "deleted" in table.c else sa.true()
    query = sa.select(sa.func.count()).select_from(table).where(table.c.system == batch.system, there)
    return connection.execute(query).scalar_one()
