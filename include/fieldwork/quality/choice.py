"""Which quarantined rows a person means: by number, or by stream, rule, status and age. All that is said must hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Literal, Self

import sqlalchemy as sa

from fieldwork.errors import ConfigError
from fieldwork.streams import stream
from fieldwork.warehouse.schema import ops

Status = Literal["new", "held", "mended", "replayed", "superseded", "dismissed"]
STATUSES: Final[tuple[Status, ...]] = ("new", "held", "mended", "replayed", "superseded", "dismissed")
#: What still waits for somebody or something.
OPEN: Final[tuple[Status, ...]] = ("new", "held", "mended")


@dataclass(frozen=True, slots=True)
class Choice:
    """Empty parts say nothing; ``older_than`` counts from when the row was first set aside."""

    ids: tuple[int, ...] = ()
    streams: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    statuses: tuple[Status, ...] = ()
    older_than: timedelta | None = None

    @classmethod
    def of(
        cls,
        *,
        ids: Sequence[int] = (),
        streams: Sequence[str] = (),
        rules: Sequence[str] = (),
        statuses: Sequence[str] = (),
        older_than: timedelta | None = None,
    ) -> Self:
        """From what people wrote; raises ConfigError for a stream or a status that there is none of."""
        foreign = sorted(set(statuses) - set(STATUSES))
        if foreign:
            raise ConfigError(f"There is no status {foreign[0]!r}.", todo=f"Choose among: {', '.join(STATUSES)}.")
        known = tuple(name for name in STATUSES if name in statuses)
        return cls(tuple(ids), tuple(stream(name).name for name in streams), tuple(rules), known, older_than)

    @property
    def says_nothing(self) -> bool:
        """Would it mean every row that was ever set aside?"""
        return self == Choice()

    def among(self, *statuses: Status) -> Choice:
        """The same with these statuses, unless it names some or names rows by number."""
        return self if self.statuses or self.ids else replace(self, statuses=statuses)

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """The same as conditions on ``ops.quarantine``."""
        q = ops.quarantine.c
        parts = [(q.quarantine_id, self.ids), (q.stream, self.streams), (q.rule, self.rules), (q.status, self.statuses)]
        found: list[sa.ColumnElement[bool]] = [column.in_(wanted) for column, wanted in parts if wanted]
        if self.older_than is not None:
            found.append(q.set_aside_at < sa.func.clock_timestamp() - self.older_than)
        return found


def span(text: str) -> timedelta:
    """``7d``, ``36h`` or ``90m``; raises ConfigError."""
    units = {"d": "days", "h": "hours", "m": "minutes"}
    number, unit = text[:-1], text[-1:]
    if unit not in units or not number.isdecimal() or len(number) > 5:
        raise ConfigError(f"{text!r} is no length of time.", todo="Write a number and a unit: 7d, 36h or 90m.")
    return timedelta(**{units[unit]: int(number)})
