"""The first part of check: what a run's batches are as a whole, by the suites ``days`` and ``fields``.

Their tables are ``ops.batch_day`` and ``ops.batch_field``. All batches are judged at once, and what the suites say is
kept batch by batch. No row can be set aside for them: a critical rule that fails stops the run before anything is
loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import sqlalchemy as sa

from fieldwork.quality import (
    acceptance,
    batch_day,
    batch_field,
    outcome,
    parameters,
    refusal,
    results,
    runner,
    suites,
)
from fieldwork.quality.acceptance import Acceptance
from fieldwork.quality.outcome import RuleOutcome
from fieldwork.quality.suites import ABOUT_BATCHES, Suite
from fieldwork.quality.viewed import view
from fieldwork.settings import Settings
from fieldwork.warehouse import ledger
from fieldwork.warehouse.schema import ops

#: What names one of a suite's rows within its batch.
_NAMED_BY: Final = {"days": "day", "fields": "field"}
#: More rows than these suites ever judge in a run: all that fail are named.
_ALL: Final = 100_000


def judge_whole(
    engine: sa.Engine, settings: Settings, run: ledger.Run, batches: Sequence[ledger.Batch], accepted: Acceptance
) -> None:
    """Judge days and fields of the batches; raises BatchRuleFailed, CheckCouldNotRun or SuiteUnfit."""
    batch_ids = [batch.batch_id for batch in batches]
    stopped: dict[str, list[str]] = {}
    for dataset in ABOUT_BATCHES:
        suite = suites.read(settings.expectations, dataset)
        outcomes = _judge(engine, settings, run, suite, batch_ids)
        with engine.begin() as connection:
            looked_at = _looked_at(connection, dataset, batch_ids)
            for batch in batches:
                mine = [_of_batch(o, batch.batch_id, looked_at.get(batch.batch_id, 0)) for o in outcomes]
                for found in _record(connection, suite, batch, mine, accepted):
                    stopped.setdefault(found.rule, []).extend(f"{batch.stream} {one}" for one in results.names(found))
        outcome.require_run(outcomes, dataset)
    if stopped:
        drifted = any(rule.startswith("fields.") for rule in stopped)
        with engine.begin() as connection:
            diff = batch_field.differences(connection, batch_ids) if drifted else []
        raise refusal.of_whole(run.run_id, stopped, diff)


def _record(
    connection: sa.Connection, suite: Suite, batch: ledger.Batch, mine: Sequence[RuleOutcome], accepted: Acceptance
) -> list[RuleOutcome]:
    """Keep what the rules said of one batch, and what was accepted; returns what stops it."""
    run_id, batch_id = batch.run_id, batch.batch_id
    results.record(connection, suite, mine, run_id=run_id, batch_id=batch_id, acceptance=accepted)
    failed = [o for o in mine if o.severity == "critical" and o.outcome == "failed"]
    let_pass = [o for o in failed if accepted.covers(o)]
    acceptance.note(connection, let_pass, accepted, run_id=run_id, batch_id=batch_id)
    return [o for o in failed if o not in let_pass]


def _judge(
    engine: sa.Engine, settings: Settings, run: ledger.Run, suite: Suite, batch_ids: Sequence[int]
) -> list[RuleOutcome]:
    """The suite's outcomes over all the batches; failing rows are named by batch and day, or batch and field."""
    rows = (batch_day if suite.dataset == "days" else batch_field).judged(batch_ids)
    with engine.begin() as connection:
        count = connection.execute(sa.select(sa.func.count()).select_from(rows.subquery())).scalar_one()
    if not count:
        return outcome.without_rows(suite)
    told = parameters.of_days(settings) if suite.dataset == "days" else {}
    named_by = ("batch_id", _NAMED_BY[suite.dataset])
    with view(engine, suite.dataset, run.run_id, rows) as name:
        return runner.run(
            engine.url, suite, table=name, rows=count, parameters=told, key=None, named_by=named_by, named=_ALL
        )


def _of_batch(found: RuleOutcome, batch_id: int, looked_at: int) -> RuleOutcome:
    """What the rule said of one batch: those of its rows that failed, of all that were looked at."""
    if found.outcome == "could_not_run":
        return found
    mine = [(name,) for batch, name in found.named if batch == batch_id]
    return replace(found, outcome="failed" if mine else "passed", failing=len(mine), total=looked_at, named=mine)


def _looked_at(connection: sa.Connection, dataset: str, batch_ids: Sequence[int]) -> dict[int, int]:
    """Days, or fields, of each batch."""
    c = (ops.batch_day if dataset == "days" else ops.batch_field).c
    query = sa.select(c.batch_id, sa.func.count()).where(c.batch_id.in_(batch_ids)).group_by(c.batch_id)
    return dict(connection.execute(query).tuples().all())
