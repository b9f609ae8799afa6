"""How it stands with an endpoint (``ops.webhook_endpoint``): met, resting, switched off, well again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from fieldwork.warehouse.schema import webhooks

_E = webhooks.endpoint.c
_NOW = sa.func.clock_timestamp()


@dataclass(frozen=True, slots=True)
class Standing:
    """``since``: first working day whose records the endpoint is told about."""

    is_on: bool
    since: date


def meet(connection: sa.Connection, name: str, wanted: date | None, today: date) -> Standing:
    """The endpoint's standing, noted on first sight: told about records of days from ``wanted``, else ``today``, on.

    An earlier ``wanted`` than before makes everything that is published be looked at once more.
    """
    fresh = {"endpoint": name, "state": "on", "since": wanted or today, "met_at": _NOW}
    connection.execute(insert(webhooks.endpoint).values(fresh).on_conflict_do_nothing())
    state, since = connection.execute(sa.select(_E.state, _E.since).where(_E.endpoint == name)).one()
    if wanted is not None and wanted != since:
        connection.execute(sa.update(webhooks.endpoint).where(_E.endpoint == name).values(since=wanted))
        if wanted < since:
            connection.execute(sa.delete(webhooks.mark).where(webhooks.mark.c.endpoint == name))
        since = wanted
    return Standing(state == "on", since)


def rest(connection: sa.Connection, name: str, seconds: float, problem: str, failures: int) -> None:
    """Send nothing there for so long; ``failures``: times in a row that it was in trouble."""
    until = _NOW + sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)
    _change(connection, name, paused_until=until, problem=problem, failures=failures)


def switch_off(connection: sa.Connection, name: str, problem: str) -> None:
    """Send nothing there until somebody enables it again."""
    _change(connection, name, state="off", problem=problem)


def enable(connection: sa.Connection, name: str) -> bool:
    """Send there again, at once; False when no such endpoint was ever met."""
    return _change(connection, name, state="on", paused_until=None, problem=None, failures=0) > 0


def took_events(connection: sa.Connection, name: str, *, is_well: bool) -> None:
    """It took events; ``is_well``: and nothing was the matter since."""
    trouble = {"paused_until": None, "problem": None, "failures": 0} if is_well else {}
    _change(connection, name, delivered_at=_NOW, **trouble)


def failures(connection: sa.Connection, name: str) -> int:
    """Times in a row that it was in trouble as a whole."""
    query = sa.select(_E.failures).where(_E.endpoint == name)
    return connection.execute(query).scalar_one_or_none() or 0


def _change(connection: sa.Connection, name: str, **values: object) -> int:
    return connection.execute(sa.update(webhooks.endpoint).where(_E.endpoint == name).values(values)).rowcount
