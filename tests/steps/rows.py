"""Small canonical rows, and a source that yields them: what the tests of the steps feed on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from fieldwork.connectors.base import Slice
from fieldwork.quality import quarantine
from fieldwork.settings import Settings
from fieldwork.steps.extract import extract
from fieldwork.steps.load import load
from fieldwork.steps.plan import plan
from fieldwork.streams import STREAMS, Window
from fieldwork.warehouse import ledger, staging

NOW = datetime(2026, 11, 8, tzinfo=UTC)


def at(text: str) -> datetime:
    """An instant written in Shanghai's wall clock: ``2026-11-02 09:00``."""
    return datetime.fromisoformat(f"{text}:00+08:00").astimezone(UTC)


def table(stream: str, rows: Sequence[dict[str, Any]]) -> pa.RecordBatch:
    """Rows as a connector yields them; what is not given is null."""
    schema = STREAMS[stream].schema
    return pa.RecordBatch.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema=schema)


class RowSource:
    """A Source over rows in memory: one slice per list of rows."""

    parallel = 2

    def __init__(self, system: str, **streams: Sequence[Sequence[dict[str, Any]]]) -> None:
        self.system = system
        self.streams = streams
        self.reads: list[str] = []
        self.asked: list[Window] = []

    def slices(self, stream: str, window: Window) -> Sequence[Slice]:
        self.asked.append(window)
        parts = self.streams.get(stream, [])
        return [Slice(f"{stream}:{n}", lambda n=n: self._one(stream, n)) for n in range(len(parts))]

    def _one(self, stream: str, n: int) -> Iterator[pa.RecordBatch]:
        self.reads.append(f"{stream}:{n}")
        yield table(stream, self.streams[stream][n])

    def read(self, stream: str, window: Window) -> Iterator[pa.RecordBatch]:
        for part in self.slices(stream, window):
            yield from part.read()


def planned(engine: sa.Engine, settings: Settings, run_id: str, **more: Any) -> str:
    """A run over the first week of November 2026."""
    days = {"since": date(2026, 11, 2), "until": date(2026, 11, 7), "as_of": NOW} | more
    plan(engine, settings, run_id=run_id, **days)
    return run_id


def staged(engine: sa.Engine, settings: Settings, run_id: str, system: str, **streams: Any) -> None:
    """Extract the rows (one slice a stream) and call them checked."""
    source = RowSource(system, **{name: [rows] for name, rows in streams.items()})
    for name in streams:
        extract(engine, settings, source, run_id=run_id, stream=name)
    with engine.begin() as connection:
        connection.execute(sa.text("update ops.batch set state = 'checked' where state = 'extracted'"))


def loaded(engine: sa.Engine, settings: Settings, run_id: str, system: str, **streams: Any) -> dict[str, Any]:
    """Stage and load the rows in a run of their own."""
    planned(engine, settings, run_id)
    staged(engine, settings, run_id, system, **streams)
    return load(engine, settings, run_id=run_id)


def set_aside(
    engine: sa.Engine, settings: Settings, run_id: str, system: str, rule: str, *, held: bool = False, **streams: Any
) -> None:
    """Extract the rows and set all of them aside by this rule, without asking a suite; close the batches."""
    planned(engine, settings, run_id)
    staged(engine, settings, run_id, system, **streams)
    with engine.begin() as connection:
        for batch in ledger.batches(connection, run_id):
            stream = STREAMS[batch.stream]
            seqs = sa.select(staging.table(stream, batch.batch_id).c.seq)
            quarantine.open_list(connection)
            quarantine.note(connection, seqs, rule=f"{stream.name}.{rule}", reason="Bad.", held=held)
            moved = quarantine.set_aside(connection, stream, system, batch.batch_id)
            ledger.update_batch(connection, batch.batch_id, quarantined=moved)
    load(engine, settings, run_id=run_id)


def rows_of(engine: sa.Engine, query: str) -> list[tuple[Any, ...]]:
    """The answer of a query as plain tuples."""
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]
