"""extract: one stream of one window, from the outside system into the batch's staging table. Nothing else.

Slices are fetched and copied in parallel and committed as wholes, so a second attempt reads only what is missing.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from fieldwork.connectors.base import Slice, Source
from fieldwork.failpoint import reached
from fieldwork.settings import Settings
from fieldwork.streams import Stream, Window
from fieldwork.streams import stream as stream_named
from fieldwork.warehouse import coverage, ledger, staging
from fieldwork.warehouse.engine import libpq_url

from .progress import Progress, silent


def extract(
    engine: sa.Engine,
    settings: Settings,
    source: Source,
    *,
    run_id: str,
    stream: str,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Stage the stream for the run's window; returns ``{batch_id, extracted, slices}``.

    A stream that the run does not read, or a batch that is past staging, is left as it is. Raises the connector's
    typed errors; what was staged before stays for the next attempt.
    """
    wanted = stream_named(stream)
    with ledger.step(engine, run_id, f"extract:{stream}") as result:
        with engine.begin() as connection:
            run = ledger.read_run(connection, run_id)
            if stream not in run.streams:
                result["skipped"] = True
                return result
            window = window_of(connection, settings, run, wanted, source.system)
            batch = ledger.open_batch(connection, run_id=run_id, system=source.system, stream=stream, window=window)
            if batch.state == "open":
                _prepare(connection, wanted, batch.batch_id)
            done = ledger.staged_slices(connection, batch.batch_id)
        reached("before_extract")
        if batch.state == "open":
            slices = source.slices(stream, batch.window)
            missing = [part for part in slices if part.name not in done]
            _stage_all(engine, wanted, batch.batch_id, missing, source.parallel, progress)
            with engine.begin() as connection:
                rows = sum(ledger.staged_slices(connection, batch.batch_id).values())
                ledger.update_batch(connection, batch.batch_id, state="extracted", extracted=rows)
            result["slices"] = len(slices)
        with engine.begin() as connection:
            rows = sum(ledger.staged_slices(connection, batch.batch_id).values())
        result.update(batch_id=batch.batch_id, extracted=rows)
        return result


def window_of(connection: sa.Connection, settings: Settings, run: ledger.Run, stream: Stream, system: str) -> Window:
    """What to ask the source for.

    full: everything. modified: from the watermark on, less an overlap, because rows commit after their stamp; a first
    or full read has no start. window: the run's days, ``tail_hours`` more because a night shift ends on the next
    morning, and up to ``reread_days`` earlier where those days were read before, because sources settle late.
    """
    rules = settings.section("extract")
    if stream.cursor == "full":
        return Window(None, run.as_of)
    if stream.cursor == "modified":
        mark = None if run.full_read else ledger.read_watermark(connection, system, stream.name)
        overlap = timedelta(minutes=rules["reread_minutes"])
        return Window(None if mark is None else mark - overlap, max(run.as_of, mark or run.as_of))
    since = _midnight(run.since, settings)
    earlier = _midnight(run.since - timedelta(days=rules["reread_days"]), settings)
    known_from = coverage.reaches_back_to(connection, stream.name, since)
    start = since if known_from is None else min(since, max(earlier, known_from))
    tail = timedelta(hours=rules["tail_hours"])
    return Window(start, max(start, min(_midnight(run.until, settings) + tail, run.as_of)))


def _midnight(day: date, settings: Settings) -> datetime:
    return datetime.combine(day, time(), settings.time_zone).astimezone(UTC)


def _prepare(connection: sa.Connection, stream: Stream, batch_id: int) -> None:
    """Make the staging table; start the batch over when a server crash emptied it."""
    staged = staging.count(connection, stream, batch_id)
    noted = sum(ledger.staged_slices(connection, batch_id).values())
    if staged is not None and staged != noted:
        staging.drop(connection, stream, batch_id)
    if (staged or 0) != noted:
        ledger.forget_slices(connection, batch_id)
    staging.create(connection, stream, batch_id)


def _stage_all(
    engine: sa.Engine, stream: Stream, batch_id: int, slices: Sequence[Slice], parallel: int, progress: Progress
) -> None:
    """Fetch and copy the slices, ``parallel`` at a time; the first error stops the rest and is raised."""
    label = f"extract {stream.name}"
    progress(label, 0, len(slices))
    pa.set_memory_pool(pa.system_memory_pool())  # Arrow's own keeps what was freed: 80 MB more at a million rows
    waiting: queue.SimpleQueue[Slice] = queue.SimpleQueue()
    for part in slices:
        waiting.put(part)
    stop, counting = threading.Event(), threading.Lock()
    staged = 0

    def tell(names: Sequence[str]) -> None:
        nonlocal staged
        if names:
            reached("after_stage_copy")
            with counting:
                staged += len(names)
                progress(label, staged, len(slices))

    def work(way_in: staging.Ingest) -> None:
        with contextlib.closing(staging.Stager(way_in, stream, batch_id)) as stager:
            try:
                with contextlib.suppress(queue.Empty):
                    while not stop.is_set():
                        part = waiting.get_nowait()
                        tell(stager.stage(part.name, part.read()))
            finally:
                tell(stager.commit())

    workers = min(parallel, len(slices))
    with (
        staging.ingest(libpq_url(engine)) as way_in,
        ThreadPoolExecutor(max(1, workers), thread_name_prefix=f"extract-{stream.name}") as pool,
    ):
        futures = [pool.submit(work, way_in) for _ in range(workers)]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            stop.set()
            raise
