"""A window and a list of people cut to what one call may ask for, and the names of the parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

from fieldwork.errors import ConfigError
from fieldwork.streams import Window


@dataclass(frozen=True, slots=True)
class Piece:
    """A half-open span ``[start, end)`` of instants in UTC; ``first`` when the window begins with it."""

    start: datetime
    end: datetime
    first: bool = False

    @property
    def start_ms(self) -> int:
        return milliseconds(self.start)

    @property
    def end_ms(self) -> int:
        """The first whole millisecond that is not before ``end``."""
        return milliseconds(self.end)


@dataclass(frozen=True, slots=True)
class Group:
    """Some people, in order; ``name`` says which group it is and, in eight hex digits, who is in it."""

    name: str
    users: tuple[str, ...]


def pieces(window: Window, days: int, zone: ZoneInfo) -> list[Piece]:
    """The window in spans of at most ``days`` days of the wall clock in ``zone``; none for an empty window.

    Raises ConfigError for a window without a start: attendance cannot be read from the beginning of time.
    """
    if window.start is None:
        raise ConfigError("DingTalk attendance needs a first day.", todo="Give --since.")
    found: list[Piece] = []
    start, end = window.start.astimezone(UTC), window.end.astimezone(UTC)
    while start < end:
        whole_second = start.astimezone(zone).replace(microsecond=0)
        until = min((whole_second + timedelta(days=days)).astimezone(UTC), end)
        found.append(Piece(start, until, first=not found))
        start = until
    return found


def groups(users: Sequence[str], size: int) -> list[Group]:
    """People in groups of at most ``size``; the same people give the same names."""
    found = []
    for number, first in enumerate(range(0, len(users), size)):
        members = tuple(users[first : first + size])
        digest = sha256("\n".join(members).encode()).hexdigest()[:8]
        found.append(Group(f"g{number:03d}-{digest}", members))
    return found


def named(what: str, piece: Piece, group: Group, zone: ZoneInfo) -> str:
    """A slice's name, e.g. ``punches:2026-11-02..2026-11-09:g003-1f2e3d4c``."""
    return f"{what}:{_stamp(piece.start, zone)}..{_stamp(piece.end, zone)}:{group.name}"


def _stamp(instant: datetime, zone: ZoneInfo) -> str:
    local = instant.astimezone(zone)
    whole_day = local.hour == local.minute == local.second == local.microsecond == 0
    return f"{local:%Y-%m-%d}" if whole_day else f"{local:%Y-%m-%dT%H%M%S}"


def milliseconds(instant: datetime) -> int:
    """Milliseconds since 1970, rounded up."""
    since = instant - datetime(1970, 1, 1, tzinfo=UTC)
    return -(-since // timedelta(milliseconds=1))
