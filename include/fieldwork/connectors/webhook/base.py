"""What travels to middleware, and what became of it: the shapes that the queue and the connector share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, Protocol

#: delivered: a 2xx. again: may work later. dead: refused for good. gone: the endpoint wants nothing any more (410).
Fate = Literal["delivered", "again", "dead", "gone"]


@dataclass(frozen=True, slots=True)
class Event:
    """One change of one record, as it is delivered however often: the same ``id`` and content each time.

    ``number`` grows with every event; events of one ``person`` are delivered in its order. ``occurred_at``: when the
    warehouse published the record. ``content``: our fields and their values, as JSON knows them. ``changed``: the
    fields that differ from the event before about this record; None for the first one.
    """

    number: int
    id: str
    kind: str
    key: str
    person: str
    occurred_at: datetime
    content: Mapping[str, Any]
    changed: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one call came to.

    ``problem`` says what was wrong in words of ours: never the address, never what the receiver wrote.
    ``whole``: not this event but the endpoint is in trouble, so nothing else need be tried there now.
    ``told_s``: seconds that the endpoint asks to wait.
    """

    fate: Fate
    status: int | None = None
    problem: str | None = None
    whole: bool = False
    told_s: float | None = None


class EventTarget(Protocol):
    """One endpoint that takes events."""

    name: str
    #: how many people's events may be under way at once
    parallel: int
    #: kind of record: the fields that it gets; other kinds it does not get
    fields: Mapping[str, tuple[str, ...]]
    #: first working day whose records it gets; None: from the first run that knows the endpoint
    since: date | None

    def deliver(self, event: Event) -> Delivery:
        """One call with one event; raises nothing that a receiver could cause."""
        ...
