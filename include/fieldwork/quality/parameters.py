"""What a stream's suite is told about the day: how many rows are plausible, and where the future begins."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.settings import Settings
from fieldwork.streams import STREAMS, stream
from fieldwork.warehouse import ledger
from fieldwork.warehouse.schema import core, ops, ref

from .annotate import staged_of_run

_WORKED: Final = ("workday", "makeup")


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


def least_rows(connection: sa.Connection, settings: Settings, batch: ledger.Batch) -> int:
    """Fewer rows than this are suspicious.

    A stream that is read whole: ``shrink_share`` of what its last closed batch had, at least 1. Punches: 1 when their
    window holds ``suspicious_person_days`` planned person-days or more. Otherwise 0: a quiet day has no leave.
    """
    quality = settings.section("quality")
    if stream(batch.stream).cursor == "full":
        share = float(quality["shrink_share"])
        return max(1, math.ceil(share * _rows_last_time(connection, batch)))
    if batch.stream == "punches":
        planned = planned_person_days(connection, settings, batch)
        return int(planned >= quality["suspicious_person_days"])
    return 0


def planned_person_days(connection: sa.Connection, settings: Settings, batch: ledger.Batch) -> int:
    """Working days by the calendar times the people employed on each; of the batch's window the days that are over."""
    zone = settings.time_zone
    last = batch.window.end.astimezone(zone).date()
    first = batch.window.start.astimezone(zone).date() if batch.window.start else date.min
    d = ref.calendar_day.c
    days = sa.and_(d.work_date >= first, d.work_date < last, d.kind.in_(_WORKED))
    tables = staged_of_run(connection, batch, STREAMS["employees"])
    person = (tables[-1] if tables else core.employee).c
    employed = sa.and_(
        sa.func.coalesce(person.hired_on <= d.work_date, sa.true()),
        sa.func.coalesce(person.left_on >= d.work_date, sa.true()),
    )
    if not tables:
        employed = sa.and_(employed, person.system == batch.system, person.missing_since.is_(None))
    return connection.execute(sa.select(sa.func.count()).where(days, employed)).scalar_one()


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
