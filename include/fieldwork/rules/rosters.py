"""``[[roster]]``: who works which shift, always the same one or by a repeating pattern."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from fieldwork.errors import ConfigError
from fieldwork.settings import Settings

from .entries import DATES, Row, choose, dated, holder, need_no_gap, optional, read_list, refuse_unknown, take
from .shifts import need_shift

_KEYS: Final = DATES | {"scope", "subject", "shift", "pattern", "anchor", "follows"}
#: What a roster may follow beside itself.
FOLLOWS: Final = ("calendar", "holidays", "nothing")


def read(settings: Settings, shifts: Sequence[Row]) -> list[Row]:
    """Rows of ``ref.roster``; raises ConfigError that names the entry at fault."""
    rows = dated("roster", [_roster(entry) for entry in read_list(settings, "roster")], ("scope", "subject"))
    for row in rows:
        where = f"[[roster]] {row['scope']} {row['subject']}"
        for shift in row["pattern"] or [row["shift"]]:
            need_shift(shifts, shift, row["valid_from"], row["valid_to"], where)
    need_no_gap([r for r in rows if r["scope"] == "company"], '[[roster]] of scope "company"')
    return rows


def _roster(entry: Mapping[str, Any]) -> Row:
    where = f"[[roster]] {entry.get('scope')!r} {entry.get('subject')!r}"
    refuse_unknown(entry, _KEYS, where)
    row = holder(entry, where)
    pattern = optional(entry, "pattern", list, where)
    if (pattern is None) == ("shift" not in entry):
        raise ConfigError(
            f"{where} must have either a shift or a pattern.",
            todo='Write shift = "office", or pattern = ["day", "day", "night", "night", "rest", "rest"].',
        )
    if pattern is not None and not (pattern and all(isinstance(shift, str) for shift in pattern)):
        raise ConfigError(f"{where}: the pattern is no list of shifts.", todo='Name shifts, and "rest" for days off.')
    if pattern is None and "anchor" in entry:
        raise ConfigError(f"{where} has an anchor without a pattern.", todo="Leave it out, or give the pattern.")
    return {
        **row,
        "shift": None if pattern else take(entry, "shift", str, where),
        "pattern": pattern,
        "anchor": optional(entry, "anchor", date, where, row["valid_from"]) if pattern else None,
        # a pattern knows its own days off; any other roster keeps those of the calendar
        "follows": choose(entry, "follows", FOLLOWS, where, "nothing" if pattern else "calendar"),
    }
