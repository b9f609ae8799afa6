"""Questions that only a person can answer: which outside ids they are about, why, and how many rows wait for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from importlib.resources import files
from typing import Final

import sqlalchemy as sa

from fieldwork.rules import links
from fieldwork.settings import Settings

from .waiting import find_waiting

#: Found from the rows that wait, not by the rules of identity.
_REASONS: Final = ("unknown", "outside_link")


@dataclass(frozen=True, slots=True)
class Question:
    """One question: ``candidates`` are employee ids, ``since`` the first day that it is about (None: all days)."""

    system: str
    external_id: str
    reason: str
    candidates: list[str]
    rows_held: int
    since: date | None
    first_seen: datetime
    status: str

    @property
    def matters(self) -> bool:
        """It is open, and rows wait or links are in doubt; a CRM user who has done nothing yet can wait."""
        return self.status == "open" and (self.rows_held > 0 or self.reason != "unknown")


def ask_about_waiting(connection: sa.Connection, settings: Settings) -> list[Question]:
    """Bring the questions to the rows that wait now; returns those that matter."""
    now = settings.now()
    links.open_scratch(connection)
    find_waiting(connection, settings, now.astimezone(settings.time_zone).date())
    connection.execute(sa.text(_script("unknown")))
    links.settle(connection, list(_REASONS), now)
    return [question for question in _questions(connection, settled=False) if question.matters]


def questions(connection: sa.Connection, settings: Settings, *, settled: bool = False) -> list[Question]:
    """The open questions, those that hold most rows first; ``settled``: the answered ones after them."""
    find_waiting(connection, settings, settings.now().astimezone(settings.time_zone).date())
    return _questions(connection, settled=settled)


def _questions(connection: sa.Connection, *, settled: bool) -> list[Question]:
    return [Question(*row) for row in connection.execute(sa.text(_script("questions")), {"settled": settled})]


def _script(name: str) -> str:
    return files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
