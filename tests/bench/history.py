"""A warehouse with a history: facts and books of many days, the days built and published, everything in the CRM."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa
import sqlalchemy as sa

from fieldwork.connectors.base import RowResult
from fieldwork.settings import Settings
from fieldwork.steps.build import build
from fieldwork.steps.publish import publish
from fieldwork.steps.rebuild import months
from fieldwork.steps.write_back import write_back
from fieldwork.streams import STREAMS
from fieldwork.warehouse import ledger
from fieldwork.warehouse.merge import TABLES
from tests.writeback.crm import MemoryCrm

Rows = dict[str, list[dict[str, Any]]]
#: The stamp by which a day's rows of each stream are told from those of the days before.
DATED: Final = {
    "punches": "punched_at",
    "leave": "start_at",
    "visits": "planned_start",
    "tasks": "modified_at",
    "opportunities": "modified_at",
}


class Accepting(MemoryCrm):
    """A CRM that says yes to everything, and remembers the records of these keys alone: a history is large."""

    batch_size = 5000

    def __init__(self, keeps: Collection[str] = ()) -> None:
        super().__init__()
        self._keeps = frozenset(keeps)

    def upsert(self, kind: str, rows: pa.Table) -> Sequence[RowResult]:
        return [
            self._one(kind, rows.slice(n, 1).to_pylist()[0])
            if key in self._keeps
            else RowResult(key, ok=True, created=True, crm_id=f"id-{key}")
            for n, key in enumerate(rows.column("key").to_pylist())
        ]


def fill(engine: sa.Engine, settings: Settings, people: int, first_day: date, days: int) -> None:
    """Facts of so many days, and the books of the runs that loaded them; nothing is built yet."""
    values = {"people": people, "first_day": first_day, "days": days, "zone": settings.time_zone.key}
    with engine.begin() as connection:
        for name in ("history", "ledger"):
            text = Path(__file__).with_name(f"{name}.sql").read_text(encoding="utf-8")
            connection.execute(sa.text(text), values)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("vacuum analyze")


def rows_of_day(engine: sa.Engine, settings: Settings, day: date, *, take_out: bool = False) -> Rows:
    """The canonical rows of one day, as a source gives them when it is asked.

    ``take_out``: out of the warehouse again, for a day that is still to come.
    """
    start = datetime.combine(day, datetime.min.time(), settings.time_zone)
    end = start + timedelta(days=1)
    found: Rows = {}
    with engine.begin() as connection:
        for stream, stamp in DATED.items():
            found[stream] = _canonical(connection, stream, stamp, start, end)
            for table in TABLES[stream] if take_out else ():
                connection.execute(sa.delete(table).where(table.c[stamp] >= start, table.c[stamp] < end))
    return found


def people(engine: sa.Engine) -> list[dict[str, Any]]:
    """All employees, as a full read gives them."""
    table = TABLES["employees"][0]
    with engine.connect() as connection:
        names = [table.c[name] for name in STREAMS["employees"].columns]
        return [dict(row) for row in connection.execute(sa.select(*names)).mappings()]


def publish_all(
    engine: sa.Engine, settings: Settings, first_day: date, until: date, crm: Accepting | None = None
) -> None:
    """Build and publish the days month by month, then tell the CRM."""
    quick = replace(settings, config={**settings.config, "write_back": {**settings.config["write_back"], "tries": 1}})
    for start, after in months(first_day, until):
        run_id = f"history-{start}"
        _note(engine, run_id, start, after)
        build(engine, settings, run_id=run_id)
        publish(engine, settings, run_id=run_id)
        _end(engine, run_id)
    _note(engine, "history-crm", first_day, until)
    write_back(engine, quick, crm or Accepting(), run_id="history-crm")
    _end(engine, "history-crm")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("vacuum analyze")


def _note(engine: sa.Engine, run_id: str, since: date, until: date) -> None:
    as_of = datetime.combine(until, datetime.min.time(), ZoneInfo("UTC")).astimezone(UTC)
    with engine.begin() as connection:
        ledger.write_run(connection, ledger.Run(run_id, since, until, as_of, ("punches",), False, False, "running"))


def _end(engine: sa.Engine, run_id: str) -> None:
    with engine.begin() as connection:
        ledger.finish_run(connection, run_id)


def _canonical(
    connection: sa.Connection, stream: str, stamp: str, start: datetime, end: datetime
) -> list[dict[str, Any]]:
    first, *others = TABLES[stream]
    join: sa.FromClause = first
    for other in others:
        same = sa.and_(*(first.c[c.name] == c for c in other.primary_key))
        join = join.outerjoin(other, same)
    columns = [next(t.c[name] for t in TABLES[stream] if name in t.c) for name in STREAMS[stream].columns]
    query = sa.select(*columns).select_from(join).where(first.c[stamp] >= start, first.c[stamp] < end)
    return [dict(row) for row in connection.execute(query).mappings()]
