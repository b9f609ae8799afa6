"""``[company] days``: what the company does on a date in spite of the decree: a holiday of its own, a half workday, a
worked Saturday.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any, Final, get_args

from fieldwork.errors import ConfigError
from fieldwork.settings import Settings

from .calendar import CalendarDay, Half, Kind
from .entries import choose, optional, refuse_unknown, take

_KEYS: Final = ("date", "until", "kind", "half", "name")
#: A half workday is a workday of which one half is worked.
_KINDS: Final = (*get_args(Kind), "half")


def read(settings: Settings) -> dict[date, CalendarDay]:
    """The company's own days by date; raises ConfigError that names the entry at fault."""
    entries = settings.section("company").get("days", [])
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise ConfigError(
            "[company] days is no list of days.",
            todo='Write days = [{ date = 2026-12-31, kind = "half", name = "New Year\'s Eve" }].',
        )
    found: dict[date, CalendarDay] = {}
    for day in (day for entry in entries for day in _days(entry)):
        if day.work_date in found:
            raise ConfigError(f"[company] days names {day.work_date} twice.", todo="Keep one entry of that date.")
        found[day.work_date] = day
    return found


def _days(entry: Mapping[str, Any]) -> Iterator[CalendarDay]:
    """The days of one entry: its date, or all from its date to before ``until``."""
    where = f"[company] days {entry.get('date')}"
    refuse_unknown(entry, _KEYS, where)
    first = take(entry, "date", date, where)
    until = optional(entry, "until", date, where, first + timedelta(days=1))
    if until <= first:
        raise ConfigError(f"{where} ends on {until}.", todo="`until` is the first day on which it no longer holds.")
    kind = choose(entry, "kind", _KINDS, where)
    if "half" in entry and kind != "half":
        raise ConfigError(f"{where}: only a half workday has a half.", todo='Write kind = "half", or leave half out.')
    half: Any = choose(entry, "half", get_args(Half), where, "first") if kind == "half" else None
    name = optional(entry, "name", str, where)
    for ahead in range((until - first).days):
        worked: Any = "workday" if kind == "half" else kind
        yield CalendarDay(first + timedelta(days=ahead), worked, name, half, "company")
