"""Try a suite without moving anything: on a batch that waits in staging, on what core holds of a closed one, or on the
published rows of a joined table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from fieldwork.errors import ConfigError
from fieldwork.quality import annotate, joined, loaded, marks, parameters, runner
from fieldwork.quality.outcome import RuleOutcome
from fieldwork.quality.suites import JOINED, Suite
from fieldwork.quality.viewed import view
from fieldwork.settings import Settings
from fieldwork.streams import STREAMS
from fieldwork.warehouse import ledger, staging
from fieldwork.warehouse.schema import mart


@dataclass(frozen=True, slots=True)
class Trial:
    """What was looked at, in words, how many rows that were, and what the suite said."""

    looked_at: str
    rows: int
    outcomes: list[RuleOutcome]


def try_batch(engine: sa.Engine, settings: Settings, suite: Suite, batch_id: int, *, rows_named: int = 20) -> Trial:
    """Judge a batch of the suite's stream; the first ``rows_named`` failing rows of a rule are named by seq and key.

    Nothing moves and nothing is recorded; the notes beside staged rows are written, as check would. Raises ConfigError
    for a batch of another stream or one that is still being extracted, CheckCouldNotRun, SuiteUnfit.
    """
    with engine.begin() as connection:
        batch = ledger.read_batch(connection, batch_id)
        if batch.stream != suite.dataset:
            raise ConfigError(
                f"Batch {batch_id} is of {batch.stream}, not of {suite.dataset}.",
                todo=f"Say `fieldwork checks run {batch.stream} --batch {batch_id}`.",
            )
        if batch.state == "open":
            raise ConfigError(f"Batch {batch_id} is still being extracted.", todo="Wait for its extract step to end.")
        stream = STREAMS[batch.stream]
        run = ledger.read_run(connection, batch.run_id)
        staged = staging.count(connection, stream, batch_id) if batch.state in ("extracted", "checked") else None
        told = parameters.of_batch(connection, settings, run, batch)
        if batch.state == "extracted" and staged:
            staging.complete(connection, stream, batch_id)
            annotate.mark_unknown(connection, stream, batch)
            marks.mark(connection, stream, batch)
    if staged is None:
        looked_at = f"what core holds of batch {batch_id} ({batch.state}: its staged rows are gone)"
        rows, told = loaded.rows_of(stream, batch_id), told | {"min_rows": 0}
    else:
        looked_at = f"the staged rows of batch {batch_id} ({batch.state})"
        table = staging.table(stream, batch_id)
        rows = sa.select(table).where(table.c.out_of_scope.is_(None))
    return _judge(engine, suite, rows, told, looked_at, ("seq", stream.key), rows_named)


def try_joined(engine: sa.Engine, settings: Settings, suite: Suite, *, rows_named: int = 20) -> Trial:
    """Judge the published rows of a joined table by its suite; failing rows are named by their key."""
    if suite.dataset not in JOINED:
        raise ConfigError(f"{suite.dataset} needs a batch.", todo="Name one: --batch N.")
    table = next(table for table in mart.JOINED if table.name == suite.dataset)
    told = {"min_rows": 0, "max_rows": settings.section("quality")["max_rows"]}
    keys = tuple(column.name for column in table.primary_key.columns)
    return _judge(engine, suite, joined.rows_of(table), told, f"the rows of mart.{table.name}", keys, rows_named)


def _judge(
    engine: sa.Engine,
    suite: Suite,
    rows: sa.Select[Any],
    told: dict[str, Any],
    looked_at: str,
    named_by: tuple[str, ...],
    rows_named: int,
) -> Trial:
    with engine.begin() as connection:
        count = connection.execute(sa.select(sa.func.count()).select_from(rows.subquery())).scalar_one()
    with view(engine, "try", looked_at, rows) as name:
        outcomes = runner.run(
            engine.url, suite, table=name, rows=count, parameters=told, key=None, named_by=named_by, named=rows_named
        )
    return Trial(looked_at, count, outcomes)
