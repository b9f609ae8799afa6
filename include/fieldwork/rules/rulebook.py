"""The dated rules of the configuration, read and checked: rule versions, shifts, who works which, hours systems.

``[[rules]]``, ``[[shift]]``, ``[[roster]]`` and ``[[hours]]`` become the rows of ``ref.rule_version``, ``ref.shift``,
``ref.roster`` and ``ref.hours``. A version that turned out wrong is kept as ``withdrawn``: it holds for no day (it ends
where it begins), but days in the history were computed with it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fieldwork.errors import ConfigError
from fieldwork.settings import Settings

from . import hours, rosters, shifts
from .entries import DATES, Row, dated, is_number, measure, need_no_gap, optional, read_list, refuse_unknown, span, take

#: the shares that the performance index is made of
WEIGHTS: Final = frozenset({"visits_verified", "tasks_on_time", "attendance"})

_MEASURES: Final = {
    "duplicate_seconds": int,
    "visit_before_minutes": int,
    "visit_after_minutes": int,
    "default_radius_m": float,
    "accuracy_cap_m": float,
    "overtime_tolerance_minutes": int,
    "day_margin_minutes": int,
}
#: Rules that may be left out, with the value that then holds. They came later: a version that leaves them out keeps the
#: hash that it had before there were any.
_LATER: Final[Row] = {
    "long_span_minutes": 960,
    "leave_joins_break": False,
    "nearby_m": 1000.0,
    "poor_accuracy_m": 1000.0,
    "speed_limit_kmh": 900.0,
}
_KEYS: Final = DATES | {"version", "time_zone", "weights", "withdrawn"} | _MEASURES.keys() | _LATER.keys()


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Rows ready for the tables of ``ref``; every key is a column."""

    versions: Sequence[Row]
    shifts: Sequence[Row]
    rosters: Sequence[Row]
    hours: Sequence[Row]


def read(settings: Settings) -> Rulebook:
    """The rules of the configuration; raises ConfigError that names the entry at fault."""
    company = settings.section("company")
    every = [_version(entry, company) for entry in read_list(settings, "rules")]
    versions = dated("rules", [row for row in every if not _is_withdrawn(row)], ())
    _need_one_name_each(every)
    need_no_gap(versions, "[[rules]]")
    known = shifts.read(settings)
    held = [*versions, *filter(_is_withdrawn, every)]
    return Rulebook(held, known, rosters.read(settings, known), hours.read(settings))


def _version(entry: Mapping[str, Any], company: Mapping[str, Any]) -> Row:
    where = f"[[rules]] {entry.get('version')!r}"
    refuse_unknown(entry, _KEYS, where)
    weights = take(entry, "weights", Mapping, where)
    if not weights or set(weights) - WEIGHTS or not all(is_number(w) and w >= 0 for w in weights.values()):
        raise ConfigError(
            f"{where}: weights must be numbers from 0 up.", todo=f"Give weights among {', '.join(sorted(WEIGHTS))}."
        )
    zone = str(entry.get("time_zone", company.get("time_zone")))
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigError(
            f"{where}: {zone!r} is no time zone.", todo="Use an IANA name such as Asia/Shanghai."
        ) from None
    row: Row = {
        "version": str(take(entry, "version", str, where)),
        **span(entry, where),
        "time_zone": zone,
        **{name: measure(entry, name, kind, where) for name, kind in _MEASURES.items()},
        "company_currency": str(company.get("currency", "CNY")),
        "weights": {name: float(weight) for name, weight in weights.items()},
        **{name: _later(entry, name, where) for name in _LATER},
    }
    row["config_hash"] = _hash(row)
    if optional(entry, "withdrawn", bool, where, False):
        row["valid_to"] = row["valid_from"]
    return row


def _is_withdrawn(version: Row) -> bool:
    """It held once, days in the history carry it, and now it holds for no day."""
    return bool(version["valid_to"] == version["valid_from"])


def _later(entry: Mapping[str, Any], name: str, where: str) -> Any:
    usual = _LATER[name]
    if isinstance(usual, bool):
        return optional(entry, name, bool, where, usual)
    return measure(entry, name, type(usual), where, usual)


def _hash(row: Row) -> str:
    """SHA-256 of what the version says; when it ends is not part of it, nor what was not said because it is usual."""
    content = {
        name: value
        for name, value in row.items()
        if name != "valid_to" and (name not in _LATER or value != _LATER[name])
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def _need_one_name_each(versions: Sequence[Row]) -> None:
    names = [row["version"] for row in versions]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(
                f"[[rules]] has two entries of version {name!r}.", todo="Give each a version name of its own."
            )
