"""The first part of check: what a run's batches are as a whole, by the suites ``days`` and ``fields``.

Their tables are ``ops.batch_day`` and ``ops.batch_field``; what the suites say stands in ``ops.check_result`` under
batch 0. No row can be set aside for them: a critical rule that fails stops the run before anything is loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from fieldwork.quality.suites import ABOUT_BATCHES
from fieldwork.quality.viewed import view
from fieldwork.settings import Settings
from fieldwork.warehouse import ledger
from fieldwork.warehouse.schema import ops

#: What is judged of each suite's rows, and what names one of them.
_NAMED_BY: Final = {"days": ("stream", "day"), "fields": ("stream", "field")}


def judge_whole(engine: sa.Engine, settings: Settings, run: ledger.Run, accepted: Acceptance) -> None:
    """Judge the days and fields of all the run's batches; raises BatchRuleFailed, CheckCouldNotRun or SuiteUnfit."""
    with engine.begin() as connection:
        batch_ids = [batch.batch_id for batch in ledger.batches(connection, run.run_id)]
        looked_at = {name: _count(connection, name, batch_ids) for name in ABOUT_BATCHES}
    failed: list[RuleOutcome] = []
    for dataset in ABOUT_BATCHES:
        suite = suites.read(settings.expectations, dataset)
        outcomes = _judge(engine, settings, run, suite, batch_ids, looked_at[dataset])
        let_pass = [o for o in outcomes if o.outcome == "failed" and accepted.covers(o)]
        with engine.begin() as connection:
            results.record(connection, suite, outcomes, run_id=run.run_id, acceptance=accepted)
            acceptance.note(connection, let_pass, accepted, run_id=run.run_id, batch_id=0)
        outcome.require_run(outcomes, dataset)
        failed += [o for o in outcomes if o.severity == "critical" and o.outcome == "failed" and o not in let_pass]
    if failed:
        with engine.begin() as connection:
            drifted = any(o.rule.startswith("fields.") for o in failed)
            diff = batch_field.differences(connection, batch_ids) if drifted else []
        raise refusal.of_whole(run.run_id, failed, {o.rule: results.names(o) for o in failed}, diff)


def _judge(
    engine: sa.Engine,
    settings: Settings,
    run: ledger.Run,
    suite: suites.Suite,
    batch_ids: Sequence[int],
    looked_at: int,
) -> list[RuleOutcome]:
    rows = (batch_day if suite.dataset == "days" else batch_field).judged(batch_ids)
    with engine.begin() as connection:
        count = connection.execute(sa.select(sa.func.count()).select_from(rows.subquery())).scalar_one()
    if not count:
        return outcome.without_rows(suite, looked_at)
    told = parameters.of_days(settings) if suite.dataset == "days" else {}
    with view(engine, suite.dataset, run.run_id, rows) as name:
        return runner.run(
            engine.url, suite, table=name, rows=count, parameters=told, key=None, named_by=_NAMED_BY[suite.dataset]
        )


def _count(connection: sa.Connection, dataset: str, batch_ids: Sequence[int]) -> int:
    table = ops.batch_day if dataset == "days" else ops.batch_field
    return connection.execute(
        sa.select(sa.func.count()).select_from(table).where(table.c.batch_id.in_(batch_ids))
    ).scalar_one()
