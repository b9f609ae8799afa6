"""Rows that were held because their person or account was unknown go through once it is known.

A row goes to whom its id is on the day of the row. Released rows make a batch of their own (``kind = 'replay'``), so
that every batch's counts still add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from fieldwork.quality import mend, suites
from fieldwork.quality.lines import effective
from fieldwork.settings import Settings
from fieldwork.streams import Stream
from fieldwork.warehouse import staging
from fieldwork.warehouse.schema import ops

from .settle import close_batch, merge_batch
from .waiting import find_waiting


def release_held(
    connection: sa.Connection,
    settings: Settings,
    *,
    run_id: str,
    only: tuple[str, str] | None = None,
    who: str | None = None,
) -> dict[str, int]:
    """Load the held rows whose person and account are known now; returns how many by stream.

    ``only``: rows of this (system, external id) alone. ``who``: whose decision it is; without, the run's.
    """
    mend.act(connection, who or f"run {run_id}", "Its person and customer are known now")
    released: dict[str, int] = {}
    today = settings.now().astimezone(settings.time_zone).date()
    for stream in find_waiting(connection, settings, today):
        for system, ready in _ready(connection, settings, stream, only).items():
            batch_id = open_batch(connection, run_id, system, stream, "replay", len(ready))
            _fill(connection, stream, batch_id, ready)
            _note_replayed(connection, ready)
            load_batch(connection, settings, stream, system, batch_id, len(ready))
            released[stream.name] = released.get(stream.name, 0) + len(ready)
    return released


def open_batch(connection: sa.Connection, run_id: str, system: str, stream: Stream, kind: str, rows: int) -> int:
    """A checked batch with an empty staging table, for rows that were staged once before."""
    batch_id: int = connection.execute(
        sa.insert(ops.batch)
        .values(
            run_id=run_id,
            system=system,
            stream=stream.name,
            kind=kind,
            state="checked",
            extracted=rows,
            opened_at=sa.func.clock_timestamp(),
        )
        .returning(ops.batch.c.batch_id)
    ).scalar_one()
    staging.create(connection, stream, batch_id)
    return batch_id


def load_batch(
    connection: sa.Connection, settings: Settings, stream: Stream, system: str, batch_id: int, rows: int, **more: Any
) -> dict[str, int]:
    """Merge such a batch and close it; returns its outcome and the person-days touched. ``more``: of merge_batch."""
    merged, aside, touched = merge_batch(
        connection, settings, stream, system, batch_id, whole=False, last_word=False, **more
    )
    outcome = {
        "extracted": rows,
        "loaded": merged.loaded,
        "unchanged": merged.unchanged,
        "quarantined": aside,
        "duplicate": merged.duplicate,
        "out_of_scope": 0,
    }
    close_batch(connection, stream, batch_id, outcome, touched)
    return outcome | {"touched": touched}


def _ready(
    connection: sa.Connection, settings: Settings, stream: Stream, only: tuple[str, str] | None
) -> dict[str, list[int]]:
    """The held rows that may go through, by system."""
    statement = files(__package__).joinpath("ready.sql").read_text(encoding="utf-8")
    system, external_id = only or (None, None)
    values: dict[str, Any] = {"stream": stream.name, "system": system, "external_id": external_id}
    values["customer"] = _waits_for_customers(settings, stream)
    found: dict[str, list[int]] = {}
    for name, quarantine_id in connection.execute(sa.text(statement), values).tuples():
        found.setdefault(name, []).append(quarantine_id)
    return found


def _waits_for_customers(settings: Settings, stream: Stream) -> bool:
    """Does the suite hold rows whose customer nobody knows? Elsewhere it only warns, and they go through without."""
    rules = suites.read(settings.expectations, stream.name).rules if "account_id" in stream.columns else ()
    return any(rule.held and rule.expectation.get("kwargs", {}).get("column") == "account_known" for rule in rules)


def _fill(connection: sa.Connection, stream: Stream, batch_id: int, quarantined: Sequence[int]) -> None:
    table = staging.table(stream, batch_id)
    q = ops.quarantine.c
    columns = {name: sa.cast(effective()[name].astext, table.c[name].type) for name in stream.columns}
    query = (
        sa.select(*columns.values())
        .where(q.quarantine_id == sa.any_(sa.literal(quarantined, ARRAY(sa.BigInteger))))
        .order_by(q.quarantine_id)
    )
    connection.execute(sa.insert(table).from_select(list(columns), query))


def _note_replayed(connection: sa.Connection, quarantined: Sequence[int]) -> None:
    """What goes through is replayed; older rows of the same record that wait are outdated by it."""
    statement = files(__package__).joinpath("replayed.sql").read_text(encoding="utf-8")
    connection.execute(sa.text(statement), {"ready": quarantined})
