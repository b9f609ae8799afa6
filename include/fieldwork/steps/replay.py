"""replay: quarantined rows, mended or not, go through check and load again, as if they had never been bad.

``choose`` notes which rows, and which version of each, a run is about (a person may then be asked); ``replay`` stages
them, judges each stream by its suite and loads what is good, in one transaction over all streams. A row that is still
bad goes back to its line with the new reason. The touched person-days are then built, audited and published by the
steps of every run.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.errors import ConfigError
from fieldwork.failpoint import reached
from fieldwork.quality import annotate, held, mend, parameters, quarantine, replaying, results, runner, suites
from fieldwork.quality.choice import OPEN, Choice
from fieldwork.quality.runner import RuleOutcome
from fieldwork.settings import Settings
from fieldwork.streams import STREAMS, Stream
from fieldwork.warehouse import ledger, staging
from fieldwork.warehouse.merge import take_turn
from fieldwork.warehouse.schema import ops

from .follow import follow_links
from .progress import Progress, silent
from .release import release_held
from .review import ask_about_waiting
from .settle import WHO_IS_WHO, close_batch, merge_batch

_ORDER: Final = {name: place for place, name in enumerate(STREAMS)}
_UNFINISHED: Final = ("open", "extracted", "checked")


def choose(
    engine: sa.Engine, settings: Settings, *, run_id: str, choice: Choice, who: str, dry_run: bool = False
) -> dict[str, Any]:
    """Plan a replay of the open rows of the choice; returns ``{run_id, rows, streams: {stream: rows}}``.

    The choice is of mended rows unless it says otherwise. Raises ConfigError when a row that was named by its number
    is none, or is not open.
    """
    with engine.begin() as connection:
        _clear_dead(connection, run_id)
        choice = choice.among("mended")
        _require_open(connection, choice)
        today = settings.now().astimezone(settings.time_zone).date()
        q = ops.quarantine.c
        pairs = sa.select(q.system, q.stream).where(*choice.conditions(), q.status.in_(OPEN)).distinct()
        places = sorted(connection.execute(pairs).tuples(), key=lambda place: (_ORDER[place[1]], place[0]))
        names = tuple(dict.fromkeys(name for _, name in places))
        run = ledger.Run(
            run_id, today, today, settings.now().astimezone(UTC), names, False, dry_run, "running", "replay"
        )
        ledger.write_run(connection, run)
        streams: dict[str, int] = {}
        for system, name in places:
            batch_id = ledger.open_again(
                connection, run_id=run_id, system=system, stream=name, kind="replay", state="open"
            )
            streams[name] = streams.get(name, 0) + replaying.take(connection, choice, system, STREAMS[name], batch_id)
    with ledger.step(engine, run_id, "choose") as result:
        told = {"rows": sum(streams.values()), "streams": streams}
        result.update(told, asked_by=who)
        return {"run_id": run_id, **told}


def replay(
    engine: sa.Engine, settings: Settings, *, run_id: str, who: str, progress: Progress = silent
) -> dict[str, Any]:
    """Check and load what :func:`choose` took; returns outcomes by stream, ``still_bad`` (by rule) and ``person_days``.

    ``out_of_scope`` counts rows that were edited or settled by somebody else since; rows whose record came again later
    are ``unchanged`` and their lines superseded. A dry run does all of it and takes everything back.
    Raises ConfigError (no replay), CheckCouldNotRun, StagingLost, CountMismatch; then nothing was loaded.
    """
    with ledger.step(engine, run_id, "replay") as result:
        with engine.begin() as connection:
            run = ledger.read_run(connection, run_id)
            batches = _open_batches(connection, run)
            for batch in batches:
                rows = replaying.fill(connection, STREAMS[batch.stream], batch.batch_id)
                ledger.update_batch(connection, batch.batch_id, state="extracted", extracted=rows, quarantined=0)
        reached("after_replay_stage")
        bad: dict[str, int] = {}
        for done, batch in enumerate(batches):
            progress("check again", done, len(batches))
            _add(bad, _judge(engine, settings, run, batch, who))
        progress("check again", len(batches), len(batches))
        reached("after_replay_check")
        with engine.connect() as connection, connection.begin() as transaction:
            mend.act(connection, who, f"replayed by run {run_id}")
            if any(batch.stream in WHO_IS_WHO for batch in batches):
                # rows of any stream may follow a link: all turns, in the order in which others take them
                for name in STREAMS:
                    take_turn(connection, name)
            for batch in batches:
                outcome, nobodys = _load(connection, settings, batch, rehearsal=run.dry_run)
                result[batch.stream] = _sum(result.get(batch.stream), outcome)
                _add(bad, nobodys)
            reached("mid_replay_tx")
            noted = sa.select(sa.func.count()).where(ops.touched.c.noted_at == sa.func.now())
            result.update(still_bad=bad, person_days=connection.execute(noted).scalar_one())
            if run.dry_run:
                transaction.rollback()
        reached("after_replay")
        with engine.begin() as connection:
            if run.dry_run:
                _forget(connection, batches)
                result["dry_run"] = True
            else:
                release_held(connection, settings, run_id=run_id)
                ask_about_waiting(connection, settings)
        return result


def _clear_dead(connection: sa.Connection, run_id: str) -> None:
    """Give up batches of replays that nobody works on any more, and of earlier attempts of this one."""
    b, r = ops.batch.c, ops.run.c
    # a command holds its run's name (ledger.held) while it lives; a run of Airflow's ends in the ledger
    let_go = sa.func.pg_try_advisory_xact_lock(sa.func.hashtextextended(r.run_id, 7))
    dead = sa.or_(r.run_id == run_id, r.state != "running", sa.and_(r.run_id.like("replay-%"), let_go))
    query = (
        sa.select(b.batch_id, b.stream)
        .join(ops.run, b.run_id == r.run_id)
        .where(b.kind == "replay", b.state.in_(_UNFINISHED), dead)
    )
    for batch_id, name in connection.execute(query).all():
        staging.drop(connection, STREAMS[name], batch_id)
        ledger.update_batch(connection, batch_id, state="abandoned")


def _require_open(connection: sa.Connection, choice: Choice) -> None:
    if not choice.ids:
        return
    mend.require(connection, choice.ids)
    q = ops.quarantine.c
    closed = connection.execute(
        sa.select(q.quarantine_id, q.status).where(q.quarantine_id.in_(choice.ids), q.status.not_in(OPEN)).limit(1)
    ).one_or_none()
    if closed is not None:
        raise ConfigError(
            f"Row {closed.quarantine_id} is {closed.status}.",
            todo="Only rows that are new, held or mended go through again; take a dismissal back with"
            " `fieldwork quarantine dismiss --undo`.",
        )


def _open_batches(connection: sa.Connection, run: ledger.Run) -> list[ledger.Batch]:
    if run.kind != "replay":
        raise ConfigError(f"Run {run.run_id} is no replay.", todo="Start one: `fieldwork quarantine replay`.")
    found = ledger.batches(connection, run.run_id, states=_UNFINISHED, kind="replay")
    return sorted(found, key=lambda batch: (_ORDER[batch.stream], batch.batch_id))


def _judge(engine: sa.Engine, settings: Settings, run: ledger.Run, batch: ledger.Batch, who: str) -> dict[str, int]:
    """Rows that are still bad go back to their lines; returns them by rule.

    Rules about the whole batch are left out: a handful of rows says nothing about the volume of a day.
    """
    stream, suite = STREAMS[batch.stream], suites.read(settings.expectations, batch.stream)
    with engine.begin() as connection:
        annotate.mark_unknown(connection, stream, batch)
        told = parameters.of_batch(connection, settings, run, batch) | {"min_rows": 0}
        rows = staging.count(connection, stream, batch.batch_id) or 0
    if not rows:
        return {}
    table = staging.table(stream, batch.batch_id).name
    outcomes = runner.run(engine.url, suite, table=table, rows=rows, parameters=told, key="seq")
    with engine.begin() as connection:
        results.record(connection, suite, outcomes, run_id=run.run_id, batch_id=batch.batch_id)
    runner.require_run(outcomes, batch.stream)
    with engine.begin() as connection:
        mend.act(connection, who, f"still bad in run {run.run_id}")
        _list_bad(connection, suite, outcomes)
        back = replaying.come_back(connection, batch.batch_id, rehearsal=run.dry_run)
        ledger.update_batch(connection, batch.batch_id, state="checked", quarantined=sum(back.values()))
    return back


def _list_bad(connection: sa.Connection, suite: suites.Suite, outcomes: Sequence[RuleOutcome]) -> None:
    quarantine.open_list(connection)
    for place, outcome in enumerate(outcomes):
        if outcome.keys:
            rule = suite.rule(outcome.rule)
            quarantine.note(connection, outcome.keys, rule=rule.id, reason=rule.reason, held=rule.held, place=place)


def _load(
    connection: sa.Connection, settings: Settings, batch: ledger.Batch, *, rehearsal: bool
) -> tuple[dict[str, int], dict[str, int]]:
    """Merge one batch; returns its outcomes, and the rows of unknown persons by rule."""
    stream, batch_id = STREAMS[batch.stream], batch.batch_id
    take_turn(connection, stream.name)
    noted = connection.execute(sa.select(ops.batch).where(ops.batch.c.batch_id == batch_id).with_for_update()).one()
    staging.require(connection, stream, batch_id, noted.extracted - noted.quarantined)
    changed = replaying.withdraw(connection, stream, batch_id)
    older = replaying.leave_to_newer(connection, stream, batch.system, batch_id)
    nobodys: dict[str, int] = {}

    def hold(_: sa.Connection, stream: Stream, system: str, batch_id: int, seqs: sa.Select[Any]) -> int:  # noqa: ARG001
        quarantine.open_list(connection)
        quarantine.note(connection, seqs, rule=f"{stream.name}.person_known", reason=held.REASON, held=True)
        nobodys.update(replaying.come_back(connection, batch_id, rehearsal=rehearsal))
        replaying.settle(connection, stream, batch_id)
        return sum(nobodys.values())

    merged, aside, touched = merge_batch(connection, settings, stream, batch.system, batch_id, hold=hold, whole=False)
    outcome = {
        "extracted": noted.extracted,
        "loaded": merged.loaded,
        "unchanged": merged.unchanged + older,
        "quarantined": noted.quarantined + aside,
        "duplicate": merged.duplicate,
        "out_of_scope": changed,
    }
    close_batch(connection, stream, batch_id, outcome, touched)
    if stream.name in WHO_IS_WHO:
        follow_links(connection, settings, run_id=batch.run_id)
    return outcome, nobodys


def _forget(connection: sa.Connection, batches: Sequence[ledger.Batch]) -> None:
    """What a rehearsal leaves: its batches, abandoned, and nothing in staging."""
    for batch in batches:
        staging.drop(connection, STREAMS[batch.stream], batch.batch_id)
        ledger.update_batch(connection, batch.batch_id, state="abandoned")


def _add(counts: dict[str, int], more: dict[str, int]) -> None:
    for rule, rows in more.items():
        counts[rule] = counts.get(rule, 0) + rows


def _sum(one: dict[str, int] | None, other: dict[str, int]) -> dict[str, int]:
    return {name: (one or {}).get(name, 0) + rows for name, rows in other.items()}
