"""Which rows break a rule: for the person who looks before a batch goes on. Keys and reasons; values with a purpose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from fieldwork.errors import ConfigError
from fieldwork.quality import batch_day, batch_field, breaker, suites
from fieldwork.quality.suites import Suite
from fieldwork.settings import Settings
from fieldwork.streams import STREAMS
from fieldwork.warehouse import ledger, staging
from fieldwork.warehouse.schema import ops

from .try_suite import try_batch


@dataclass(frozen=True, slots=True)
class Purpose:
    """Who wants to see values, and what for."""

    who: str
    why: str


@dataclass(frozen=True, slots=True)
class Found:
    """A table for people; ``more``: rows beyond those shown."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    more: int = 0


def find(
    engine: sa.Engine,
    settings: Settings,
    rule: str,
    *,
    batch_id: int | None,
    run_id: str,
    limit: int,
    purpose: Purpose | None,
) -> Found:
    """What breaks the rule in the batch (``days`` and ``fields``: in the run), ``limit`` rows at most.

    With a ``purpose`` the rows' values too, and a line in ``ops.audit_log``. Raises ConfigError for a rule, batch or
    run that there is not, CheckCouldNotRun, SuiteUnfit.
    """
    dataset, _, name = rule.partition(".")
    if dataset in suites.ABOUT_BATCHES:
        return _facts(engine, dataset, run_id, limit)
    if dataset not in STREAMS or batch_id is None:
        raise ConfigError("Rows are shown of a rule and a batch.", todo="Say e.g. --batch 7 --rule punches.kind_known.")
    if name in breaker.DESCRIPTIONS:
        return _counts(engine, batch_id, rule)
    suite = suites.read(settings.expectations, dataset)
    one = [known for known in suite.rules if known.id == rule]
    if not one:
        raise ConfigError(f"There is no rule {rule}.", todo=f"`fieldwork checks list {dataset}` shows them.")
    with engine.begin() as connection:
        state = ledger.read_batch(connection, batch_id).state
    if state != "extracted":
        return _set_aside(engine, batch_id, rule, limit, purpose)
    return _staged(engine, settings, replace(suite, rules=tuple(one)), batch_id, limit, purpose)


def _staged(
    engine: sa.Engine, settings: Settings, suite: Suite, batch_id: int, limit: int, purpose: Purpose | None
) -> Found:
    """The rule asked again of the rows that wait."""
    (outcome,) = try_batch(engine, settings, suite, batch_id, rows_named=limit).outcomes
    (rule,), stream = suite.rules, STREAMS[suite.dataset]
    title = f"{rule.id}, batch {batch_id}: {_said(outcome.outcome, outcome.failing, outcome.total)}"
    more = max(0, (outcome.failing or 0) - len(outcome.named))
    if purpose is None:
        return Found(title, ("key", "reason"), [(key, rule.reason) for _, key in outcome.named], more)
    staged = staging.table(stream, batch_id)
    columns = [staged.c[name] for name in stream.columns]
    with engine.begin() as connection:
        rows = connection.execute(sa.select(*columns).where(staged.c.seq.in_([seq for seq, _ in outcome.named]))).all()
        _note(connection, purpose, rule.id, batch_id, len(rows))
    return Found(title, stream.columns, [tuple(row) for row in rows], more)


def _set_aside(engine: sa.Engine, batch_id: int, rule: str, limit: int, purpose: Purpose | None) -> Found:
    """Rows of a batch that was checked: those which broke a critical rule are in the quarantine."""
    q = ops.quarantine.c
    mine = [q.batch_id == batch_id, q.rule == rule]
    columns = [q.quarantine_id, q.key, q.status, q.reason, *([q.payload] if purpose else [])]
    with engine.begin() as connection:
        total = connection.execute(sa.select(sa.func.count()).where(*mine)).scalar_one()
        rows = connection.execute(sa.select(*columns).where(*mine).order_by(q.quarantine_id).limit(limit)).all()
        if purpose:
            _note(connection, purpose, rule, batch_id, len(rows))
    title = f"{rule}, batch {batch_id}: {total:,} rows in quarantine"
    return Found(title, [column.key for column in columns], [tuple(row) for row in rows], total - len(rows))


def _counts(engine: sa.Engine, batch_id: int, rule: str) -> Found:
    """What tripped the circuit breaker: the critical rules of the batch that failed."""
    c = ops.check_result.c
    query = (
        sa.select(c.rule, c.failing, c.total)
        .where(c.batch_id == batch_id, c.outcome == "failed", c.severity == "critical", c.rule != rule)
        .order_by(c.failing.desc())
    )
    with engine.begin() as connection:
        rows = connection.execute(query).all()
    return Found(f"{rule}, batch {batch_id}: failed rules", ("rule", "failing", "of"), [tuple(row) for row in rows])


def _facts(engine: sa.Engine, dataset: str, run_id: str, limit: int) -> Found:
    """Days that were compared, or fields that changed, in a run's batches."""
    with engine.begin() as connection:
        ledger.read_run(connection, run_id)
        batch_ids = [batch.batch_id for batch in ledger.batches(connection, run_id)]
        query = (batch_day if dataset == "days" else batch_field).judged(batch_ids)
        result = connection.execute(
            query.order_by(sa.text("batch_id"), sa.text("day" if dataset == "days" else "field"))
        )
        names, rows = list(result.keys()), [tuple(row) for row in result.all()]
    cells = [[", ".join(cell) if isinstance(cell, list) else cell for cell in row] for row in rows]
    return Found(f"{dataset} of run {run_id}", names, cells[:limit], max(0, len(cells) - limit))


def _note(connection: sa.Connection, purpose: Purpose, rule: str, batch_id: int, rows: int) -> None:
    connection.execute(
        sa.insert(ops.audit_log).values(
            at=sa.func.clock_timestamp(),
            who=purpose.who,
            action="read values of rows that break a rule",
            purpose=purpose.why,
            rows=rows,
            detail={"rule": rule, "batch_id": batch_id},
        )
    )


def _said(outcome: str, failing: int | None, total: int | None) -> str:
    if outcome == "could_not_run":
        return "could not run"
    return outcome if failing is None else f"{failing:,} of {total or 0:,} rows"
