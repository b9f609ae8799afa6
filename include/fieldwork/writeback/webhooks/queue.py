"""The line of events: who is next, and what became of the one that was sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.connectors.webhook.base import Event
from fieldwork.warehouse.schema import webhooks
from fieldwork.writeback.statements import read

from .verdict import Verdict

#: Events, and people, that are taken at a time.
EVENTS: Final = 500
PEOPLE: Final = 200


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event in line; ``failures``: how often it failed by itself so far."""

    event: Event
    failures: int


def take(connection: sa.Connection, endpoint: str) -> list[list[Waiting]]:
    """For some people whose turn it is, each one's waiting events in order; nothing while the endpoint rests or is off.

    A person whose first event is not due yet waits whole.
    """
    where = {"endpoint": endpoint, "events": EVENTS, "people": PEOPLE}
    rows = connection.execute(sa.text(read("webhooks/take")), where).all()
    return [[_waiting(row) for row in theirs] for _, theirs in groupby(rows, key=lambda row: row.employee_id)]


def rest_s(connection: sa.Connection, endpoint: str) -> float | None:
    """Seconds until somebody's turn comes; None: nobody waits, or the endpoint is off."""
    found = connection.execute(sa.text(read("webhooks/rest")), {"endpoint": endpoint}).scalar_one_or_none()
    return None if found is None else max(0.0, float(found))


def settle(connection: sa.Connection, number: int, status: int | None, verdict: Verdict) -> None:
    """Note an attempt and what follows from it."""
    connection.execute(
        sa.text(read("webhooks/settle")),
        {
            "event_id": number,
            "status": status,
            "state": verdict.state,
            "problem": verdict.problem,
            "failed": int(verdict.failed),
            "wait_s": verdict.wait_s,
        },
    )


def waiting(connection: sa.Connection, endpoint: str) -> int:
    """How many events wait."""
    e = webhooks.event.c
    query = sa.select(sa.func.count()).where(e.endpoint == endpoint, e.state == "waiting")
    return connection.execute(query).scalar_one()


def forget(connection: sa.Connection, keep_days: int) -> None:
    """Of what was settled more than so many days ago keep nothing but what the next publication is compared with."""
    connection.execute(sa.text(read("webhooks/forget")), {"keep_days": keep_days})


def replay(connection: sa.Connection, endpoint: str, ids: Sequence[int] | None, *, overtaken: bool) -> tuple[int, int]:
    """Put dead letters back in line, all or these, and delivered events if they are named: how many were put back, and
    how many were left because a later event about the same record has gone or will go (unless ``overtaken``).
    """
    where = {"endpoint": endpoint, "ids": None if ids is None else list(ids), "overtaken": overtaken}
    row = connection.execute(sa.text(read("webhooks/replay")), where).one()
    return row.again, row.left_out


def _waiting(row: sa.Row[Any]) -> Waiting:
    return Waiting(
        Event(
            number=row.event_id,
            id=row.webhook_id,
            kind=row.kind,
            key=row.key,
            person=row.employee_id,
            occurred_at=row.occurred_at,
            content=row.payload,
            changed=None if row.changed is None else tuple(row.changed),
        ),
        row.failures,
    )
