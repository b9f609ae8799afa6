"""check: every extracted batch of a run against its suite; bad rows from staging to the quarantine.

For each batch three things, each of which may be repeated after a kill: mark (one transaction), judge (Great
Expectations, reads only), move the bad rows and write the ledger (one transaction). Load then finds good rows alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.errors import BatchRuleFailed, EmptyStream, Fenced, FieldworkError, StagingLost
from fieldwork.failpoint import reached
from fieldwork.quality import annotate, parameters, quarantine, results, runner, suites
from fieldwork.quality.runner import RuleOutcome
from fieldwork.settings import Settings
from fieldwork.streams import STREAMS
from fieldwork.warehouse import ledger, staging
from fieldwork.warehouse.schema import ops

from .progress import Progress, silent

_ORDER: Final = {name: place for place, name in enumerate(STREAMS)}


def check(engine: sa.Engine, settings: Settings, *, run_id: str, progress: Progress = silent) -> dict[str, Any]:
    """Check the run's extracted batches, people first; returns ``{stream: {checked, quarantined, warnings}}``.

    ``warnings`` counts rules, the others rows. Batches checked before (a second attempt) are in the result too.
    Raises EmptyStream or BatchRuleFailed (staged rows and results are kept, the batch stays as it is),
    CheckCouldNotRun, StagingLost (the batch is open again), Fenced.
    """
    with ledger.step(engine, run_id, "check") as result:
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
        for done, batch in enumerate(sorted(waiting, key=lambda b: (_ORDER[b.stream], b.batch_id))):
            progress("check", done, len(waiting))
            try:
                _check_batch(engine, settings, run, batch)
            except StagingLost:
                with engine.begin() as connection:
                    ledger.forget_slices(connection, batch.batch_id)
                raise
        progress("check", len(waiting), len(waiting))
        reached("after_check")
        with engine.begin() as connection:
            result.update(_summary(connection, run_id))
        return result


def _check_batch(engine: sa.Engine, settings: Settings, run: ledger.Run, batch: ledger.Batch) -> None:
    stream = STREAMS[batch.stream]
    suite = suites.read(settings.expectations, batch.stream)
    with engine.begin() as connection:
        noted = _lock(connection, batch)
        still_there = noted["extracted"] - noted["out_of_scope"] - noted["quarantined"]
        staging.require(connection, stream, batch.batch_id, still_there)
        annotate.leave_out_of_scope(connection, stream, batch.batch_id)
        annotate.mark_unknown(connection, stream, batch)
        told = parameters.of_batch(connection, settings, run, batch)
        rows = staging.count(connection, stream, batch.batch_id) or 0
    table = staging.table(stream, batch.batch_id).name
    outcomes = runner.run(engine.url, suite, table=table, rows=rows, parameters=told, key="seq")
    problem = _problem(batch, outcomes, told)
    with engine.begin() as connection:
        noted = _lock(connection, batch)
        results.record(connection, suite, outcomes, run_id=run.run_id, batch_id=batch.batch_id)
        if problem is None and all(o.outcome != "could_not_run" for o in outcomes):
            moved = _move(connection, suite, batch, outcomes)
            ledger.update_batch(connection, batch.batch_id, state="checked", quarantined=noted["quarantined"] + moved)
            reached("mid_check_tx")
    runner.require_run(outcomes, batch.stream)
    if problem is not None:
        raise problem


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


def _move(connection: sa.Connection, suite: suites.Suite, batch: ledger.Batch, outcomes: Sequence[RuleOutcome]) -> int:
    broken = [(place, o) for place, o in enumerate(outcomes) if o.keys]
    if not broken:
        return 0
    quarantine.open_list(connection)
    for place, outcome in broken:
        rule = suite.rule(outcome.rule)
        quarantine.note(connection, outcome.keys, rule=rule.id, reason=rule.reason, held=rule.held, place=place)
    return quarantine.set_aside(connection, STREAMS[batch.stream], batch.system, batch.batch_id)


def _problem(batch: ledger.Batch, outcomes: Sequence[RuleOutcome], told: dict[str, Any]) -> FieldworkError | None:
    """The error for a critical rule about the whole batch that failed; None when rows can be judged one by one."""
    stops = [o for o in outcomes if o.stops]
    if not stops:
        return None
    span = f"{batch.window.start:%F %T} to " if batch.window.start else "until "
    span += f"{batch.window.end:%F %T} UTC"
    if stops[0].total == 0:
        return EmptyStream(
            f"{batch.system} gave no {batch.stream} ({span}, batch {batch.batch_id}),"
            f" where at least {told['min_rows']} should be ({stops[0].rule}).",
            todo=f"Check that our login may read {batch.stream} there and that the days are right. If nothing happened"
            " on them indeed, raise quality.suspicious_person_days in your config. Then start the run again.",
        )
    named = ", ".join(o.rule for o in stops)
    return BatchRuleFailed(
        f"{named} failed for {stops[0].total} rows of {batch.stream} ({span}, batch {batch.batch_id};"
        f" {told['min_rows']} to {told['max_rows']} rows are plausible).",
        todo="Nothing was loaded and the staged rows are kept. Look at them:"
        f' psql "$(fieldwork url)" -c \'table staging."b{batch.batch_id}" limit 20\'.'
        f" Mend the source, or the rule in expectations/{batch.stream}.json, and start the run again.",
    )


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
