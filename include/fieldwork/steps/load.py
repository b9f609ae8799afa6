"""load: the checked rows of every batch of a run into ``core``, one transaction a batch.

In that transaction: say whose each row is, set rows of unknown persons aside, merge the rest, note the touched
person-days, move the watermark, close the batch, drop its staging table. Outcomes must add up to the rows extracted,
or everything is rolled back.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from fieldwork.errors import StagingLost
from fieldwork.failpoint import reached
from fieldwork.settings import Settings
from fieldwork.streams import STREAMS, Stream
from fieldwork.warehouse import ledger, staging
from fieldwork.warehouse.merge import abandon_older, take_turn
from fieldwork.warehouse.schema import ops

from .follow import follow_links
from .progress import Progress, silent
from .release import release_held
from .review import ask_about_waiting
from .settle import WHO_IS_WHO, close_batch, merge_batch


def load(engine: sa.Engine, settings: Settings, *, run_id: str, progress: Progress = silent) -> dict[str, Any]:
    """Load the run's checked batches in the order of the streams; returns outcomes by stream.

    Raises CountMismatch, StagingLost (the batch is open again) or Fenced; batches loaded before stay loaded.
    """
    with ledger.step(engine, run_id, "load") as result:
        with engine.begin() as connection:
            for lost in ledger.batches(connection, run_id, states=["abandoned"]):
                raise ledger.fenced(connection, lost.system, lost.stream)
            for early in ledger.batches(connection, run_id, states=["open", "extracted"]):
                raise StagingLost(
                    f"{early.stream} (batch {early.batch_id}) is {early.state}, not checked: it would be left out.",
                    todo="Extract and check it again: give the same run again.",
                )
            waiting = {b.stream: b for b in ledger.batches(connection, run_id, states=["checked"])}
        todo = [waiting[name] for name in STREAMS if name in waiting]
        progress("load", 0, len(todo))
        for done, batch in enumerate(todo, start=1):
            stream = STREAMS[batch.stream]
            try:
                with engine.begin() as connection:
                    result[batch.stream] = _load_batch(connection, settings, stream, batch)
            except StagingLost:
                with engine.begin() as connection:
                    ledger.forget_slices(connection, batch.batch_id)
                raise
            reached("after_load")
            progress("load", done, len(todo))
        with engine.begin() as connection:
            released = release_held(connection, settings, run_id=run_id)
            questions = ask_about_waiting(connection, settings)
        if released:
            result["released"] = released
        if questions:
            result["to_review"] = len({(q.system, q.external_id) for q in questions})
        return result


def _load_batch(connection: sa.Connection, settings: Settings, stream: Stream, batch: ledger.Batch) -> dict[str, int]:
    b = ops.batch.c
    take_turn(connection, batch.stream)  # before our batch is locked: who is ahead of us may have to give it up
    row = connection.execute(sa.select(ops.batch).where(b.batch_id == batch.batch_id).with_for_update()).one()
    if row.state == "abandoned":
        raise ledger.fenced(connection, batch.system, batch.stream)
    staging.require(connection, stream, batch.batch_id, row.extracted - row.quarantined - row.out_of_scope)
    merged, quarantined, touched = merge_batch(connection, settings, stream, batch.system, batch.batch_id)
    reached("mid_load_tx")
    outcome = {
        "extracted": row.extracted,
        "loaded": merged.loaded,
        "unchanged": merged.unchanged,
        "quarantined": row.quarantined + quarantined,
        "duplicate": merged.duplicate,
        "out_of_scope": row.out_of_scope,
    }
    cursor = _greatest_cursor(connection, stream)
    ledger.move_watermark(connection, batch, cursor)
    close_batch(connection, stream, batch.batch_id, outcome, touched, cursor_value=cursor)
    abandon_older(connection, batch.system, batch.stream, batch.batch_id)
    moved = follow_links(connection, settings, run_id=batch.run_id) if batch.stream in WHO_IS_WHO else {}
    touched += sum(counts["touched"] for counts in moved.values())
    return {**outcome, "touched": touched}


def _greatest_cursor(connection: sa.Connection, stream: Stream) -> Any:
    column = {"modified": "modified_at", "window": "punched_at"}.get(stream.cursor)
    if column is None or column not in stream.columns:
        return None
    return connection.execute(sa.text(f"select max({column}) from incoming")).scalar_one()  # noqa: S608 - our own names
