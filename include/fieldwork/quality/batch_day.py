"""How many rows a batch holds of each day, and what such a day usually has: the facts of the suite ``days``.

Streams read by a window are counted by the day on which something happened; streams read by their modified stamp have
one day a batch, the one that most of the span since the last read lies on. Both are compared with the same weekday.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from fieldwork.settings import Settings
from fieldwork.streams import STREAMS, Stream
from fieldwork.warehouse import ledger, staging
from fieldwork.warehouse.schema import core, ops, ref

from .annotate import staged_of_run

WORKED: Final = ("workday", "makeup")
#: Streams that are read by the time at which something happened, and the column that holds it. Approvals are too few.
_HAPPENED: Final = {"punches": "punched_at"}
#: A read of changes is comparable when it covers about a day.
_SHORTEST: Final = timedelta(hours=12)
_LONGEST: Final = timedelta(hours=36)


def measure(connection: sa.Connection, settings: Settings, run: ledger.Run, batch: ledger.Batch) -> int:
    """Note the batch's days in ``ops.batch_day``, instead of what an earlier attempt noted; returns how many."""
    stream, quality = STREAMS[batch.stream], settings.section("quality")
    connection.execute(sa.delete(ops.batch_day).where(ops.batch_day.c.batch_id == batch.batch_id))
    stale: float | None = None
    if stream.name in _HAPPENED:
        days = _days_of_window(connection, settings, run, batch)
    elif stream.cursor == "modified":
        days = _day_of_changes(connection, settings, batch)
        stale = _stale_days(connection, run, batch)
    else:
        days = []
    if days:
        values: dict[str, Any] = {
            "days": [day for day, *_ in days],
            "rows": [rows for _, rows, *_ in days],
            "whole": [whole for _, _, whole, _ in days],
            "expected": [expected for *_, expected in days],
            "batch_id": batch.batch_id,
            "system": batch.system,
            "stream": batch.stream,
            "weeks": quality["volume_weeks"],
            "least_days": quality["volume_least_days"],
            "least_rows": quality["volume_least_rows"],
            "stale_days": stale,
        }
        statement = files(__package__).joinpath("usual.sql").read_text(encoding="utf-8")
        connection.execute(sa.text(statement), values)
    return len(days)


def judged(batch_ids: Sequence[int]) -> sa.Select[Any]:
    """What the suite ``days`` judges of these batches: the days that can be compared, with system and stream."""
    d, b = ops.batch_day.c, ops.batch.c
    columns = (b.batch_id, b.system, b.stream, d.day, d.rows, d.whole, d.expected, d.usual, d.share, d.stale_days)
    comparable = sa.or_(d.share.is_not(None), d.stale_days.is_not(None), d.expected)
    return sa.select(*columns).where(b.batch_id == d.batch_id, b.batch_id.in_(batch_ids), comparable)


def people_by_day(connection: sa.Connection, batch: ledger.Batch, first: date, end: date) -> dict[date, int]:
    """People employed on each worked day of ``[first, end)``: by the list of this run, else by what is loaded."""
    d = ref.calendar_day.c
    tables = staged_of_run(connection, batch, STREAMS["employees"])
    person = (tables[-1] if tables else core.employee).c
    employed = sa.and_(
        sa.func.coalesce(person.hired_on <= d.work_date, sa.true()),
        sa.func.coalesce(person.left_on >= d.work_date, sa.true()),
    )
    if not tables:
        employed = sa.and_(employed, person.system == batch.system, person.missing_since.is_(None))
    query = (
        sa.select(d.work_date, sa.func.count())
        .where(d.work_date >= first, d.work_date < end, d.kind.in_(WORKED), employed)
        .group_by(d.work_date)
    )
    return dict(connection.execute(query).tuples().all())


def _days_of_window(
    connection: sa.Connection, settings: Settings, run: ledger.Run, batch: ledger.Batch
) -> list[tuple[date, int, bool, bool]]:
    """Every local day that lies wholly in the window and is over: day, rows, True, and whether rows are expected."""
    zone, stream = settings.time_zone, STREAMS[batch.stream]
    if batch.window.start is None:
        return []
    end = min(batch.window.end, run.as_of).astimezone(zone).date()
    first = batch.window.start.astimezone(zone).date()
    if datetime.combine(first, time(), zone) < batch.window.start:
        first += timedelta(days=1)
    days = [first + timedelta(days=n) for n in range((end - first).days)]
    if not days:
        return []
    happened = staging.table(stream, batch.batch_id).c[_HAPPENED[stream.name]]
    midnights = [datetime.combine(day, time(), zone).astimezone(UTC) for day in (*days, end)]
    place = sa.func.width_bucket(happened, sa.cast(midnights, ARRAY(sa.DateTime(timezone=True))))
    rows: dict[int, int] = dict(connection.execute(sa.select(place, sa.func.count()).group_by(place)).tuples().all())
    people = people_by_day(connection, batch, first, end)
    least = settings.section("quality")["suspicious_person_days"]
    return [(day, rows.get(n, 0), True, people.get(day, 0) >= least) for n, day in enumerate(days, start=1)]


def _day_of_changes(
    connection: sa.Connection, settings: Settings, batch: ledger.Batch
) -> list[tuple[date, int, bool, bool]]:
    start, end = batch.window.start, batch.window.end
    whole = start is not None and _SHORTEST <= end - start <= _LONGEST
    day = (end - _SHORTEST).astimezone(settings.time_zone).date()
    rows = staging.count(connection, STREAMS[batch.stream], batch.batch_id) or 0
    return [(day, rows, whole, False)]


def _stale_days(connection: sa.Connection, run: ledger.Run, batch: ledger.Batch) -> float | None:
    """Days from the newest modified stamp, loaded or staged, to the run's now; None when there is no stamp."""
    stream: Stream = STREAMS[batch.stream]
    staged = staging.table(stream, batch.batch_id)
    newest = connection.execute(sa.select(sa.func.max(staged.c.modified_at))).scalar_one()
    stamps = [stamp for stamp in (newest, ledger.read_watermark(connection, batch.system, stream.name)) if stamp]
    return (run.as_of - max(stamps)) / timedelta(days=1) if stamps else None
