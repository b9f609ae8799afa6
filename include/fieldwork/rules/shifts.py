"""``[[shift]]``: planned hours by name, dated, in one part or several, with any number of breaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, time, timedelta
from itertools import pairwise
from typing import Any, Final

from fieldwork.errors import ConfigError
from fieldwork.settings import Settings

from .entries import DATES, Row, choose, dated, measure, optional, read_list, refuse_unknown, span, take

#: The word for a day off in a roster; no shift may be called so.
REST: Final = "rest"

_KEYS: Final = DATES | {
    "name", "kind", "starts", "ends", "parts", "breaks", "break_starts", "break_ends", "earliest_starts",
    "grace_in_minutes", "grace_out_minutes", "required_minutes",
}  # fmt: skip
_DAY: Final = timedelta(days=1)
#: start and end on the clock
Clocks = list[time]


def read(settings: Settings) -> list[Row]:
    """Rows of ``ref.shift``; raises ConfigError that names the entry at fault."""
    return dated("shift", [_shift(entry) for entry in read_list(settings, "shift")], ("shift",))


def need_shift(shifts: Sequence[Row], name: str, since: date, until: date | None, where: str) -> None:
    """The shift must exist on every day from ``since`` to before ``until`` (None: for ever). ``rest`` always does."""
    if name == REST:
        return
    mine = [row for row in shifts if row["shift"] == name]
    if not mine:
        known = sorted({row["shift"] for row in shifts})
        raise ConfigError(
            f"{where} names the shift {name!r}, which does not exist.",
            todo=f"Choose among {', '.join(known)}, or add a [[shift]].",
        )
    reached: date | None = since
    for row in mine:
        if reached is not None and row["valid_from"] <= reached:
            reached = None if row["valid_to"] is None else max(reached, row["valid_to"])
    if reached is not None and (until is None or reached < until):
        raise ConfigError(
            f"{where} names the shift {name!r}, which has no hours on {reached}.",
            todo="Give the [[shift]] an earlier `from`, or leave out its `until`.",
        )


def _shift(entry: Mapping[str, Any]) -> Row:
    where = f"[[shift]] {entry.get('name')!r}"
    refuse_unknown(entry, _KEYS, where)
    if entry.get("name") == REST:
        raise ConfigError(f"{where}: this word means a day off in a roster.", todo="Give the shift another name.")
    kind = choose(entry, "kind", ("fixed", "flexible"), where)
    parts = _parts(entry, kind, where)
    row: Row = {
        "shift": take(entry, "name", str, where),
        **span(entry, where),
        "kind": kind,
        "starts": parts[0][0],
        "ends": parts[-1][1],
        "parts": parts if len(parts) > 1 else None,
        "breaks": _breaks(entry, where) or None,
        "grace_in_minutes": measure(entry, "grace_in_minutes", int, where),
        "grace_out_minutes": measure(entry, "grace_out_minutes", int, where),
        "required_minutes": optional(entry, "required_minutes", int, where),
        "earliest_starts": optional(entry, "earliest_starts", time, where),
    }
    _need_flexible(row, where)
    _need_order(row, parts, where)
    return row


def _parts(entry: Mapping[str, Any], kind: str, where: str) -> list[Clocks]:
    """The parts of a split shift, or the one of any other."""
    if "parts" not in entry:
        return [[take(entry, "starts", time, where), take(entry, "ends", time, where)]]
    parts = _spans(entry, "parts", where)
    if len(parts) < 2 or kind == "flexible" or {"starts", "ends"} & entry.keys():
        raise ConfigError(
            f"{where}: parts are two or more spans of a fixed shift, in the place of starts and ends.",
            todo="Write parts = [{ starts = 10:00:00, ends = 14:00:00 }, { starts = 17:00:00, ends = 21:00:00 }].",
        )
    return parts


def _breaks(entry: Mapping[str, Any], where: str) -> list[Clocks]:
    """Several breaks, or the one of break_starts and break_ends."""
    one = [optional(entry, name, time, where) for name in ("break_starts", "break_ends")]
    if one.count(None) == 1:
        raise ConfigError(f"{where} has one end of a break.", todo="Give both break_starts and break_ends, or none.")
    if "breaks" not in entry:
        return [] if None in one else [one]
    if one != [None, None]:
        raise ConfigError(f"{where} has breaks twice.", todo="Give either breaks, or break_starts and break_ends.")
    return _spans(entry, "breaks", where)


def _spans(entry: Mapping[str, Any], name: str, where: str) -> list[Clocks]:
    spans = take(entry, name, list, where)
    if not all(isinstance(one, Mapping) and one.keys() == {"starts", "ends"} for one in spans):
        raise ConfigError(
            f"{where}: {name} is no list of spans.",
            todo=f"Write {name} = [{{ starts = 12:00:00, ends = 12:30:00 }}].",
        )
    return [[take(one, "starts", time, f"{where} {name}"), take(one, "ends", time, f"{where} {name}")] for one in spans]


def _need_flexible(row: Row, where: str) -> None:
    """What only a flexible shift has, and what it must have."""
    flexible = row["kind"] == "flexible"
    if flexible != (row["required_minutes"] is not None) or (not flexible and row["earliest_starts"] is not None):
        raise ConfigError(
            f"{where}: kind is {row['kind']!r} and required_minutes {row['required_minutes']}.",
            todo='Kind is "fixed", or "flexible" together with required_minutes and, if you like, earliest_starts.',
        )
    if flexible and row["earliest_starts"] is not None and row["earliest_starts"] > row["starts"]:
        raise ConfigError(
            f"{where}: earliest_starts is after starts.", todo="starts is the latest start that is not late."
        )


def _need_order(row: Row, parts: Sequence[Clocks], where: str) -> None:
    """Parts and breaks follow one another, and breaks lie within the parts (of a flexible shift: anywhere)."""
    start, flexible = row["starts"], row["kind"] == "flexible"
    working = _offsets(parts, start)
    pauses = _offsets(row["breaks"] or [], time() if flexible and row["starts"] < row["ends"] else start)
    if not _in_order(working) or working[-1][1] > _DAY:
        raise ConfigError(f"{where}: the parts overlap or are not in order.", todo="Write them as they follow.")
    if not _in_order(pauses):
        raise ConfigError(f"{where}: the breaks overlap or are not in order.", todo="Write them as they follow.")
    if not flexible and not all(any(a <= c and d <= b for a, b in working) for c, d in pauses):
        raise ConfigError(f"{where}: a break lies outside the shift.", todo="Mend its times; the end comes after.")


def _offsets(spans: Sequence[Clocks], start: time) -> list[tuple[timedelta, timedelta]]:
    """Clocks as the time since the shift's start; an end at the start's own clock is a day later."""
    return [(_since(a, start), _since(b, start) or _DAY) for a, b in spans]


def _since(clock: time, start: time) -> timedelta:
    return (_of_day(clock) - _of_day(start)) % _DAY


def _of_day(clock: time) -> timedelta:
    return timedelta(hours=clock.hour, minutes=clock.minute, seconds=clock.second)


def _in_order(spans: Sequence[tuple[timedelta, timedelta]]) -> bool:
    edges = [edge for one in spans for edge in one]
    return all(a < b for a, b in pairwise(edges))
