"""plan: write down what a run is asked to do, and by which rules, before anything is read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from fieldwork.errors import ConfigError
from fieldwork.rules import identity, identity_file
from fieldwork.rules.reference import seed_reference
from fieldwork.settings import Settings
from fieldwork.streams import STREAMS, stream
from fieldwork.warehouse import ledger
from fieldwork.writeback import fields


def plan(
    engine: sa.Engine,
    settings: Settings,
    *,
    run_id: str,
    since: date,
    until: date,
    streams: Sequence[str] = (),
    full: bool = False,
    dry_run: bool = False,
    as_of: datetime | None = None,
    kind: str = "journey",
    read_since: datetime | None = None,
) -> dict[str, Any]:
    """Note the run for the working days ``[since, until)``; no streams means all.

    ``read_since`` makes it read modified streams from then on, though they were read further already.

    Calendar, shifts and rules are brought up to date first, the rules of identity are looked at, and what may leave for
    the CRM is judged, so that a mistake in them shows before anything is read: raises ConfigError or
    CalendarYearUnknown. Days that have not begun at ``as_of`` (default: now) cannot be asked for.
    """
    as_of = as_of or settings.now()
    fields.check(settings)
    if since >= until:
        raise ConfigError(
            f"Nothing lies between {since} and {until}: until is the first day not included.",
            todo=f"For {since} alone, say until {since + timedelta(days=1)}.",
        )
    if datetime.combine(since, time(), settings.time_zone) > as_of:
        raise ConfigError(
            f"{since} has not begun: now is {as_of.astimezone(settings.time_zone):%F %T}.",
            todo="Choose an earlier since; for a rehearsal set FIELDWORK_NOW.",
        )
    identity.comparing(settings)
    identity_file.read(settings.identity_file)
    names = names_in_order(streams)
    run = ledger.Run(run_id, since, until, as_of.astimezone(UTC), names, full, dry_run, "running", kind, read_since)
    with engine.begin() as connection:
        seed_reference(connection, settings, since, until - timedelta(days=1))
        ledger.write_run(connection, run)
    return {"run_id": run_id, "since": str(since), "until": str(until), "streams": list(run.streams)}


def names_in_order(streams: Sequence[str]) -> tuple[str, ...]:
    """The chosen streams in the order of loading; none chosen means all. Raises ConfigError for an unknown name."""
    chosen = {stream(name).name for name in streams}
    return tuple(name for name in STREAMS if not chosen or name in chosen)
