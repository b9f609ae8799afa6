"""reconcile: does the warehouse hold what a source holds, stream by stream and day by day, and which records not?

The source counts itself where it can, or hands over the keys of its records, which are staged and compared inside
PostgreSQL: digests by day, then the records of the days that differ. Nothing is loaded here; ``repair`` does that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.connectors.base import Days, Reconcilable
from fieldwork.errors import ConfigError, NotReconciled
from fieldwork.quality.reconcile import compare
from fieldwork.quality.reconcile.compare import Comparison, days_between
from fieldwork.quality.reconcile.ours import ours
from fieldwork.settings import Settings
from fieldwork.streams import KEYS, Stream
from fieldwork.streams import stream as stream_named
from fieldwork.warehouse import coverage, ledger, staging
from fieldwork.warehouse.schema import ops, reconcile

from .extract import prepare, stage_all
from .plan import names_in_order
from .progress import Progress, silent

#: Names that an error tells; all of them stand in ops.reconcile_finding.
_NAMED: Final = 5


def reconcile_stream(
    engine: sa.Engine,
    settings: Settings,
    source: Any,
    *,
    run_id: str,
    stream: str,
    days: Days,
    quick: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Compare one stream on these days; returns ``{days, source_rows, warehouse_rows, set_aside, later, findings}``.

    ``quick``: where the source counts itself, only the keys of days whose counts or sums differ are read; a record
    missing and another one gone on the same day are then not seen. ``findings`` counts by kind; each stands by name in
    ``ops.reconcile_finding``. Raises the connector's errors, ConfigError for a source that cannot be compared, Fenced.
    """
    wanted = stream_named(stream)
    if not isinstance(source, Reconcilable):
        raise ConfigError(f"{source.system} cannot say which records it has.", todo=f"Leave {stream} out of --streams.")
    name = f"reconcile {source.system} {stream}"
    with ledger.held(engine, name), ledger.step(engine, run_id, f"reconcile:{stream}") as result:
        with engine.begin() as connection:
            run = ledger.read_run(connection, run_id)
            mark = _read_until(connection, source.system, wanted)
            asked = _readable(connection, settings, source, wanted, days)
        if mark is None or not asked:
            result["skipped"] = "The stream was not read on these days."
            return result
        settled = "repaired" if run.kind == "repair" else "settled"
        stamp = mark if "modified_at" in wanted.columns else None
        comparison = Comparison(run_id, source.system, wanted, settings.time_zone.key, stamp, settled)
        compared = asked
        if quick:
            with engine.begin() as connection:
                counts = _counted(connection, comparison, source, asked)
                compared = asked if counts is None else _uneven(counts, asked)
                if counts is not None and not compared:
                    comparison.settle(connection, asked)
                    result.update(_sums(counts))
                    return result
        result.update(_by_key(engine, source, comparison, asked, compared, progress))
        return result


def judge(engine: sa.Engine, run_id: str) -> dict[str, Any]:
    """Raise NotReconciled when the run found something that is still open; returns ``{open: 0}`` otherwise."""
    f = reconcile.finding.c
    started = sa.select(ops.run.c.started_at).where(ops.run.c.run_id == run_id).scalar_subquery()
    query = sa.select(f.stream, f.kind, f.key, f.day).where(f.status == "open", f.seen_at >= started)
    with engine.connect() as connection:
        found = connection.execute(query.order_by(f.stream, f.day, f.key)).all()
    if not found:
        return {"open": 0}
    named = ", ".join(f"{f.stream} {f.key}{f' of {f.day}' if f.day else ''} ({f.kind})" for f in found[:_NAMED])
    more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
    raise NotReconciled(
        f"The sources and the warehouse differ in {len(found):,} records: {named}{more}.",
        todo="All stand in ops.reconcile_finding. `fieldwork reconcile --repair` reads again, and marks what is gone.",
    )


def _by_key(
    engine: sa.Engine,
    source: Reconcilable,
    comparison: Comparison,
    asked: Sequence[date],
    compared: Sequence[date],
    progress: Progress,
) -> dict[str, Any]:
    """Read the keys of the days to compare, and compare."""
    name = comparison.stream.name
    with engine.begin() as connection:
        people = _people(connection, comparison, compared)
        batch_id = _open(connection, comparison)
        done = ledger.staged_slices(connection, batch_id)
    slices = [part for days in _spans(compared) for part in source.keys(name, days, people)]
    missing = [part for part in slices if part.name not in done]
    stage_all(engine, replace(KEYS, name=f"keys of {name}"), batch_id, missing, source.parallel, progress)
    with engine.begin() as connection:
        unknown = _unknown(connection, source, comparison, batch_id, compared, people)
        comparison.lay_out(connection, batch_id, asked=asked, compared=compared, unknown=unknown)
        comparison.totals(connection)
        gone = comparison.differences(connection)
        found = source.lookup(name, gone) if gone else None
        if found is not None:
            comparison.look_up(connection, found)
        result = comparison.note(connection, unknown)
        staging.drop(connection, KEYS, batch_id)
        ledger.forget_slices(connection, batch_id)
        ledger.update_batch(connection, batch_id, state="abandoned", closed_at=sa.func.clock_timestamp())
    return result


def _open(connection: sa.Connection, comparison: Comparison) -> int:
    """The staging table for the keys: this run's from an earlier attempt, or a new one; others' are given up."""
    b = ops.batch.c
    mine = [b.system == comparison.system, b.stream == comparison.stream.name, b.kind == "reconcile", b.state == "open"]
    found: int | None = None
    for batch_id, run_id in connection.execute(sa.select(b.batch_id, b.run_id).where(*mine)).all():
        if run_id == comparison.run_id:
            found = batch_id
        else:
            staging.drop(connection, KEYS, batch_id)
            ledger.update_batch(connection, batch_id, state="abandoned")
    if found is None:
        found = ledger.open_again(
            connection, run_id=comparison.run_id, system=comparison.system, stream=comparison.stream.name,
            kind="reconcile", state="open",
        )  # fmt: skip
    prepare(connection, KEYS, found)
    return found


def _people(connection: sa.Connection, comparison: Comparison, days: Sequence[date]) -> list[str]:
    """Whose records the warehouse has on the days, by their id in the source: the source may list some no more."""
    if comparison.stream.side != "attendance" or not days:
        return []
    records = ours(comparison.stream, comparison.system, comparison.zone).subquery()
    query = sa.select(records.c.person).where(records.c.day.in_(days)).distinct().order_by(records.c.person)
    return [person for person in connection.execute(query).scalars() if person]


def _unknown(
    connection: sa.Connection,
    source: Reconcilable,
    comparison: Comparison,
    batch_id: int,
    days: Sequence[date],
    people: Sequence[str],
) -> list[str]:
    """Ids that were asked for, answered nothing, and that the source does not know."""
    asked = set(source.asked(comparison.stream.name, people)) if days else set()
    if not asked:
        return []
    answered = set(connection.execute(sa.select(staging.table(KEYS, batch_id).c.person).distinct()).scalars())
    silent = sorted(asked - answered)
    return list(source.unknown(comparison.stream.name, Days(days[0], days[-1] + timedelta(days=1)), silent))


def _counted(
    connection: sa.Connection, comparison: Comparison, source: Reconcilable, asked: Sequence[date]
) -> list[dict[str, Any]] | None:
    """The source's own counts beside ours, kept; None: it does not count."""
    theirs = source.totals(comparison.stream.name, Days(asked[0], asked[-1] + timedelta(days=1)))
    if theirs is None:
        return None
    counts = compare.counted(connection, comparison.stream, comparison.system, theirs, asked)
    comparison.note_counts(connection, counts)
    return counts


def _uneven(counts: Sequence[dict[str, Any]], asked: Sequence[date]) -> list[date]:
    """The days whose keys must be read; the source's days are in UTC, so those around are meant too."""
    differing = [count["day"] for count in counts if _differ(count)]
    around = {day + timedelta(days=n) for day in differing if day for n in (-1, 0, 1)}
    return [day for day in asked if day in around] or (list(asked[:1]) if None in differing else [])


def _differ(count: dict[str, Any]) -> bool:
    sums = count["source_sum"], count["warehouse_sum"]
    return count["source_rows"] != count["warehouse_rows"] or (sums[0] is not None and sums[0] != (sums[1] or 0))


def _sums(counts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    sums = {name: sum(count[name] for count in counts) for name in ("source_rows", "warehouse_rows")}
    return {"days": len(counts), **sums, "set_aside": 0, "later": 0, "findings": {}}


def _read_until(connection: sa.Connection, system: str, stream: Stream) -> datetime | None:
    """Up to which of the source's stamps the stream was read; None: never."""
    if stream.cursor == "modified":
        return ledger.read_watermark(connection, system, stream.name)
    b, r = ops.batch.c, ops.run.c
    closed = [b.system == system, b.stream == stream.name, b.kind == "extract", b.state == "closed"]
    query = sa.select(sa.func.max(r.as_of)).select_from(sa.join(ops.batch, ops.run, b.run_id == r.run_id))
    return connection.execute(query.where(*closed)).scalar_one_or_none()


def _readable(
    connection: sa.Connection, settings: Settings, source: Reconcilable, stream: Stream, days: Days
) -> list[date]:
    """The days of these for which the source still answers and the stream was read."""
    back = source.remembers(stream.name)
    today = settings.now().astimezone(settings.time_zone).date()
    since = days.since if back is None else max(days.since, today - timedelta(days=back))
    if stream.cursor != "window":
        return list(days_between(since, days.until))
    return coverage.days_read(connection, stream.name, since, days.until, settings.time_zone.key)


def _spans(days: Sequence[date]) -> list[Days]:
    """Days in a row, together."""
    spans: list[Days] = []
    for day in days:
        if spans and spans[-1].until == day:
            spans[-1] = Days(spans[-1].since, day + timedelta(days=1))
        else:
            spans.append(Days(day, day + timedelta(days=1)))
    return spans


def begin(
    engine: sa.Engine, settings: Settings, *, run_id: str, streams: Sequence[str], kind: str = "reconcile"
) -> None:
    """Note the run; what one of kind ``repair`` (the comparison after a repair) finds no more was repaired."""
    today = settings.now().astimezone(settings.time_zone).date()
    names = names_in_order(streams)
    with engine.begin() as connection:
        run = ledger.Run(run_id, today, today, settings.now(), names, False, True, "running", kind)
        ledger.write_run(connection, run)


def usual_days(settings: Settings, since: date | None, until: date | None) -> Days:
    """The days to compare: as asked for, else the last ``[reconcile] days`` and, for plans, ``ahead_days`` more."""
    rules = settings.section("reconcile")
    today = settings.now().astimezone(settings.time_zone).date()
    first = since or today - timedelta(days=rules["days"])
    last = until or today + timedelta(days=rules["ahead_days"])
    if first >= last:
        raise ConfigError(f"Nothing lies between {first} and {last}.", todo="until is the first day not included.")
    return Days(first, last)
