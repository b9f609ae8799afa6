"""check: every extracted batch of a run against its suite; bad rows from staging to the quarantine.

First what came as a whole: the rows of each day and the fields on the wire, beside what is usual and known. Then for
each batch three things, each of which may be repeated after a kill: mark (one transaction), judge (Great Expectations,
reads only), move the bad rows and write the ledger (one transaction). Load then finds good rows alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.errors import Fenced, StagingLost
from fieldwork.failpoint import reached
from fieldwork.quality import (
    acceptance,
    annotate,
    batch_day,
    batch_field,
    breaker,
    marks,
    outcome,
    parameters,
    quarantine,
    refusal,
    results,
    runner,
    suites,
)
from fieldwork.quality.acceptance import NOTHING, Acceptance
from fieldwork.quality.outcome import RuleOutcome
from fieldwork.settings import Settings
from fieldwork.streams import STREAMS
from fieldwork.warehouse import ledger, staging
from fieldwork.warehouse.schema import ops

from .check_whole import judge_whole
from .progress import Progress, silent

_ORDER: Final = {name: place for place, name in enumerate(STREAMS)}


@dataclass(frozen=True, slots=True)
class _Checking:
    """What every part of the step is told."""

    engine: sa.Engine
    settings: Settings
    run: ledger.Run
    accepted: Acceptance


def check(
    engine: sa.Engine,
    settings: Settings,
    *,
    run_id: str,
    accepted: Acceptance = NOTHING,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Check the run's extracted batches, people first; returns ``{stream: {checked, quarantined, warnings}}``.

    ``warnings`` counts rules, the others rows. Batches checked before (a second attempt) are in the result too.
    ``accepted``: rules that may fail this once. Raises EmptyStream, BatchRuleFailed or TooManyBadRows (staged rows and
    results are kept, the batch stays as it is), CheckCouldNotRun, SuiteUnfit, StagingLost (the batch is open again),
    Fenced, ConfigError.
    """
    with ledger.step(engine, run_id, "check") as result:
        if accepted.rules:
            acceptance.require_known(accepted.rules, settings.expectations)
        with engine.begin() as connection:
            run = ledger.read_run(connection, run_id)
            unread = ledger.batches(connection, run_id, states=("open",))
            waiting = ledger.batches(connection, run_id, states=("extracted",))
        if unread:
            raise StagingLost(
                f"{', '.join(batch.stream for batch in unread)} of run {run_id} is not extracted to its end.",
                todo="Repeat the extract step of the run, then check again.",
            )
        reached("before_check")
        checking = _Checking(engine, settings, run, accepted)
        waiting.sort(key=lambda b: (_ORDER[b.stream], b.batch_id))
        for batch in waiting:
            _reopened_if_lost(engine, batch, partial(_measure, checking, batch))
        if waiting:
            judge_whole(engine, settings, run, waiting, accepted)
        for done, batch in enumerate(waiting):
            progress("check", done, len(waiting))
            _reopened_if_lost(engine, batch, partial(_check_batch, checking, batch))
        progress("check", len(waiting), len(waiting))
        reached("after_check")
        with engine.begin() as connection:
            result.update(_summary(connection, run_id))
        return result


def _reopened_if_lost(engine: sa.Engine, batch: ledger.Batch, do: Callable[[], None]) -> None:
    """Do something to a batch; one whose staged rows are gone is open again, and the error goes on."""
    try:
        do()
    except StagingLost:
        with engine.begin() as connection:
            ledger.forget_slices(connection, batch.batch_id)
        raise


def _measure(checking: _Checking, batch: ledger.Batch) -> None:
    """Leave out what is none of ours, and note the batch's days and what changed of its fields."""
    stream = STREAMS[batch.stream]
    with checking.engine.begin() as connection:
        noted = _lock(connection, batch)
        staging.require(connection, stream, batch.batch_id, _still_staged(noted))
        staging.complete(connection, stream, batch.batch_id)
        annotate.leave_out_of_scope(connection, stream, batch.batch_id)
        batch_day.measure(connection, checking.settings, checking.run, batch)
        batch_field.compare(connection, batch)


def _check_batch(checking: _Checking, batch: ledger.Batch) -> None:
    stream, engine, settings, accepted = STREAMS[batch.stream], checking.engine, checking.settings, checking.accepted
    suite = suites.read(settings.expectations, batch.stream)
    with engine.begin() as connection:
        noted = _lock(connection, batch)
        staging.require(connection, stream, batch.batch_id, _still_staged(noted))
        annotate.mark_unknown(connection, stream, batch)
        marks.mark(connection, stream, batch)
        told = parameters.of_batch(connection, settings, checking.run, batch)
        rows = staging.count(connection, stream, batch.batch_id) or 0
    limit = breaker.limits(settings, batch.stream, rows)
    table = staging.table(stream, batch.batch_id).name
    outcomes = runner.run(
        engine.url, suite, table=table, rows=rows, parameters=told, key="seq", named_by=[stream.key],
        most=_allowed(suite, limit, accepted),
    )  # fmt: skip
    judged = [*outcomes, *breaker.judge(suite, outcomes, rows, limit)]
    problem = refusal.of_batch(batch, judged, told, accepted)
    with engine.begin() as connection:
        noted = _lock(connection, batch)
        results.record(
            connection, suite, judged, run_id=batch.run_id, batch_id=batch.batch_id,
            keys=_keys(connection, batch, outcomes), acceptance=accepted,
        )  # fmt: skip
        if problem is None and all(o.outcome != "could_not_run" for o in outcomes):
            let_pass = [o for o in judged if o.outcome == "failed" and accepted.covers(o)]
            acceptance.note(connection, let_pass, accepted, run_id=batch.run_id, batch_id=batch.batch_id)
            batch_field.learn(connection, batch)
            moved = _move(connection, suite, batch, outcomes)
            ledger.update_batch(connection, batch.batch_id, state="checked", quarantined=noted["quarantined"] + moved)
            reached("mid_check_tx")
    outcome.require_run(outcomes, batch.stream)
    if problem is not None:
        raise problem


def _allowed(suite: suites.Suite, limit: breaker.Limits, accepted: Acceptance) -> dict[str, int] | None:
    """Up to how many rows each rule brings its keys: beyond them the batch is stopped, unless that was accepted."""
    most = limit.by_rule(suite)
    lifted = {
        rule.id for rule in suite.rules
        if f"{suite.dataset}.{breaker.HELD if rule.held else breaker.BAD}" in accepted.rules
    }  # fmt: skip
    return {rule: rows for rule, rows in most.items() if rule not in lifted}


def _still_staged(noted: sa.RowMapping) -> int:
    return int(noted["extracted"] - noted["out_of_scope"] - noted["quarantined"])


def _lock(connection: sa.Connection, batch: ledger.Batch) -> sa.RowMapping:
    """The batch as it stands, ours until the transaction ends; raises Fenced when another process took it on."""
    b = ops.batch.c
    query = sa.select(b.state, b.extracted, b.out_of_scope, b.quarantined).where(b.batch_id == batch.batch_id)
    row = connection.execute(query.with_for_update()).mappings().one()
    if row["state"] != "extracted":
        raise Fenced(
            f"Batch {batch.batch_id} of {batch.stream} became {row['state']} while it was being checked.",
            todo="Another process works on this run: let it finish, or start the run again.",
        )
    return row


def _keys(connection: sa.Connection, batch: ledger.Batch, outcomes: Sequence[RuleOutcome]) -> dict[str, list[str]]:
    """Record keys of a few rows of every critical rule that failed."""
    stream = STREAMS[batch.stream]
    staged = staging.table(stream, batch.batch_id).c
    some = {o.rule: list(o.keys[: outcome.NAMED]) for o in outcomes if o.keys}
    wanted = sorted({seq for seqs in some.values() for seq in seqs})
    if not wanted:
        return {}
    query = sa.select(staged.seq, staged[stream.key]).where(staged.seq.in_(wanted))
    named = dict(connection.execute(query).tuples().all())
    return {rule: sorted(named[seq] or "(none)" for seq in seqs if seq in named) for rule, seqs in some.items()}


def _move(connection: sa.Connection, suite: suites.Suite, batch: ledger.Batch, outcomes: Sequence[RuleOutcome]) -> int:
    broken = [(place, o) for place, o in enumerate(outcomes) if o.keys]
    if not broken:
        return 0
    quarantine.open_list(connection)
    for place, found in broken:
        rule = suite.rule(found.rule)
        quarantine.note(connection, found.keys, rule=rule.id, reason=rule.reason, held=rule.held, place=place)
    return quarantine.set_aside(connection, STREAMS[batch.stream], batch.system, batch.batch_id)


def _summary(connection: sa.Connection, run_id: str) -> dict[str, dict[str, int]]:
    b, c = ops.batch.c, ops.check_result.c
    warnings = (
        sa.select(sa.func.count())
        .where(c.run_id == b.run_id, c.batch_id == b.batch_id, c.severity == "warning", c.outcome == "failed")
        .scalar_subquery()
    )
    rows = connection.execute(
        sa.select(b.stream, sa.func.sum(b.extracted), sa.func.sum(b.quarantined), sa.func.sum(warnings))
        .where(b.run_id == run_id, b.kind == "extract", b.state.in_(("checked", "closed")))
        .group_by(b.stream)
    ).tuples()
    counts = {
        name: {"checked": int(checked), "quarantined": int(set_aside), "warnings": int(warned)}
        for name, checked, set_aside, warned in rows
    }
    return dict(sorted(counts.items(), key=lambda entry: _ORDER[entry[0]]))
