"""repair: what a reconciliation found missing or stale is read again by runs of its own; what is gone is withdrawn.

A repair is a normal run over the days, or from the stamps, concerned: plan, extract, check, load, build, audit and
publish.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.connectors.base import Source
from fieldwork.settings import Settings
from fieldwork.streams import STREAMS
from fieldwork.warehouse.schema import reconcile

from .audit import audit
from .build import build
from .check import check
from .extract import extract
from .finish import finish
from .load import load
from .plan import names_in_order, plan
from .progress import Progress, silent
from .publish import publish
from .withdraw import withdraw

#: Days between two findings that are read in one go rather than in two runs.
_APART: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Repair:
    """One run that reads again: these streams, on these days, or from this stamp on."""

    since: date
    until: date
    streams: tuple[str, ...]
    read_since: datetime | None = None
    full: bool = False


def repairs(engine: sa.Engine, settings: Settings, streams: Sequence[str]) -> list[Repair]:
    """The runs that the open findings of these streams ask for; empty when there are none."""
    today = settings.now().astimezone(settings.time_zone).date()
    f = reconcile.finding.c
    query = sa.select(f.stream, f.kind, f.day, f.modified_at).where(f.status == "open", f.stream.in_(streams))
    with engine.connect() as connection:
        found = connection.execute(query).all()
    again = [row for row in found if row.kind in {"missing", "stale", "deleted"} or row.stream == "employees"]
    planned: list[Repair] = []
    crm = [row for row in again if STREAMS[row.stream].side == "crm"]
    if crm:
        stamps = [row.modified_at for row in crm]
        read_since = None if None in stamps else min(stamps)
        names = names_in_order([row.stream for row in crm])
        planned.append(Repair(today - timedelta(days=1), today, names, read_since, full=read_since is None))
    attendance = [row for row in again if STREAMS[row.stream].side == "attendance"]
    if attendance:
        days = sorted({row.day for row in attendance if row.day is not None}) or [today - timedelta(days=1)]
        names = names_in_order([row.stream for row in attendance])
        planned += [Repair(first, last + timedelta(days=1), names) for first, last in _together(days)]
    if not planned and any(row.kind == "gone" for row in found):
        planned.append(Repair(today - timedelta(days=1), today, ()))
    return planned


def repair(
    engine: sa.Engine,
    settings: Settings,
    source_of: Callable[[str], Source],
    *,
    run_id: str,
    streams: Sequence[str],
    progress: Progress = silent,
) -> dict[str, Any]:
    """Carry the repairs out, the n-th as run ``<run_id>-<n>``; returns ``{runs, withdrawn, published}``.

    ``source_of`` gives the source of a side. Raises what the steps raise; the runs that ended stay.
    """
    result: dict[str, Any] = {"runs": 0, "withdrawn": {}}
    for number, todo in enumerate(repairs(engine, settings, streams), start=1):
        name = f"{run_id}-{number}"
        plan(
            engine, settings, run_id=name, since=todo.since, until=todo.until, streams=todo.streams or streams,
            full=todo.full, as_of=settings.now(), kind="repair", read_since=todo.read_since,
        )  # fmt: skip
        for stream in todo.streams:
            source = source_of(STREAMS[stream].side)
            extract(engine, settings, source, run_id=name, stream=stream, progress=progress)
        if todo.streams:
            check(engine, settings, run_id=name, progress=progress)
            load(engine, settings, run_id=name, progress=progress)
        if number == 1:
            result["withdrawn"] = withdraw(engine, settings, run_id=name, streams=streams)
        build(engine, settings, run_id=name, progress=progress)
        audit(engine, settings, run_id=name, progress=progress)
        result["published"] = publish(engine, settings, run_id=name, progress=progress)
        finish(engine, settings, run_id=name)
        result["runs"] = number
    return result


def _together(days: Sequence[date]) -> Iterator[tuple[date, date]]:
    """First and last day of each group of days that lie near each other."""
    first = last = days[0]
    for day in days[1:]:
        if day - last > _APART:
            yield first, last
            first = day
        last = day
    yield first, last
