"""The dated rules of the configuration, read and checked: rule versions, shifts, and who works which.

``[[rules]]``, ``[[shift]]`` and ``[[roster]]`` become the rows of ``ref.rule_version``, ``ref.shift`` and
``ref.roster``. A row holds from its ``from`` date until the next row of the same name begins, or until its own
``until`` (not included). A version that turned out wrong is kept as ``withdrawn``: it holds for no day (it ends where
it begins), but days in the history were computed with it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fieldwork.errors import ConfigError
from fieldwork.settings import Settings

Row = dict[str, Any]

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


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Rows ready for the tables of ``ref``; every key is a column."""

    versions: Sequence[Row]
    shifts: Sequence[Row]
    rosters: Sequence[Row]


def read(settings: Settings) -> Rulebook:
    """The rules of the configuration; raises ConfigError that names the entry at fault."""
    company = settings.section("company")
    every = [_version(entry, company) for entry in _entries(settings, "rules")]
    versions = _dated("rules", [row for row in every if not _is_withdrawn(row)], ())
    shifts = _dated("shift", [_shift(entry) for entry in _entries(settings, "shift")], ("shift",))
    rosters = _dated("roster", [_roster(entry) for entry in _entries(settings, "roster")], ("scope", "subject"))
    _need_one_name_each(every)
    _need_known_shifts(rosters, shifts)
    _need_no_gap(versions, "[[rules]]")
    _need_no_gap([r for r in rosters if r["scope"] == "company"], '[[roster]] of scope "company"')
    return Rulebook([*versions, *filter(_is_withdrawn, every)], shifts, rosters)


def _entries(settings: Settings, name: str) -> Sequence[Mapping[str, Any]]:
    entries = settings.config.get(name)
    if not isinstance(entries, list) or not entries or not all(isinstance(e, Mapping) for e in entries):
        raise ConfigError(
            f"The configuration has no list [[{name}]].", todo="Compare it with include/config/fieldwork.toml."
        )
    return entries


def _version(entry: Mapping[str, Any], company: Mapping[str, Any]) -> Row:
    where = f"[[rules]] {entry.get('version')!r}"
    weights = _take(entry, "weights", Mapping, where)
    if not weights or set(weights) - WEIGHTS or not all(_is_number(w) and w >= 0 for w in weights.values()):
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
        "version": str(_take(entry, "version", str, where)),
        "valid_from": _take(entry, "from", date, where),
        "valid_to": entry["from"] if entry.get("withdrawn") is True else _optional(entry, "until", date, where),
        "time_zone": zone,
        **{name: _measure(entry, name, kind, where) for name, kind in _MEASURES.items()},
        "company_currency": str(company.get("currency", "CNY")),
        "weights": {name: float(weight) for name, weight in weights.items()},
    }
    content = {name: value for name, value in row.items() if name != "valid_to"}
    row["config_hash"] = hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
    return row


def _is_withdrawn(version: Row) -> bool:
    """It held once, days in the history carry it, and now it holds for no day."""
    return bool(version["valid_to"] == version["valid_from"])


def _shift(entry: Mapping[str, Any]) -> Row:
    where = f"[[shift]] {entry.get('name')!r}"
    kind = _take(entry, "kind", str, where)
    required = _optional(entry, "required_minutes", int, where)
    if kind not in ("fixed", "flexible") or (kind == "flexible") != (required is not None):
        raise ConfigError(
            f"{where}: kind is {kind!r} and required_minutes {required}.",
            todo='Kind is "fixed", or "flexible" together with required_minutes.',
        )
    pause = [_optional(entry, name, time, where) for name in ("break_starts", "break_ends")]
    if pause.count(None) == 1:
        raise ConfigError(f"{where} has one end of a break.", todo="Give both break_starts and break_ends, or none.")
    return {
        "shift": _take(entry, "name", str, where),
        "valid_from": _take(entry, "from", date, where),
        "valid_to": _optional(entry, "until", date, where),
        "kind": kind,
        "starts": _take(entry, "starts", time, where),
        "ends": _take(entry, "ends", time, where),
        "break_starts": pause[0],
        "break_ends": pause[1],
        "grace_in_minutes": _measure(entry, "grace_in_minutes", int, where),
        "grace_out_minutes": _measure(entry, "grace_out_minutes", int, where),
        "required_minutes": required,
    }


def _roster(entry: Mapping[str, Any]) -> Row:
    where = f"[[roster]] {entry.get('scope')!r} {entry.get('subject')!r}"
    scope = _take(entry, "scope", str, where)
    if scope not in ("company", "team", "employee"):
        raise ConfigError(f"{where}: there is no such scope.", todo="Use company, team or employee.")
    return {
        "scope": scope,
        "subject": "*" if scope == "company" else _take(entry, "subject", str, where),
        "valid_from": _take(entry, "from", date, where),
        "valid_to": _optional(entry, "until", date, where),
        "shift": _take(entry, "shift", str, where),
    }


def _dated(name: str, rows: list[Row], by: tuple[str, ...]) -> list[Row]:
    """Rows sorted by name and date, each ended by the next of its name; raises ConfigError when two overlap."""
    named: Callable[[Row], tuple[Any, ...]] = lambda row: tuple(row[column] for column in by)  # noqa: E731
    rows = sorted(rows, key=lambda row: (*named(row), row["valid_from"]))
    for one, other in pairwise(rows):
        if named(one) != named(other):
            continue
        if one["valid_from"] == other["valid_from"] or (one["valid_to"] or date.min) > other["valid_from"]:
            label = " ".join(str(part) for part in named(one)) or one["version"]
            raise ConfigError(
                f"[[{name}]] {label}: two entries hold on {other['valid_from']}.",
                todo="Give the later one another `from`, or the earlier one an `until`.",
            )
        one["valid_to"] = one["valid_to"] or other["valid_from"]
    for row in rows:
        if row["valid_to"] is not None and row["valid_to"] <= row["valid_from"]:
            raise ConfigError(
                f"[[{name}]]: an entry from {row['valid_from']} ends on {row['valid_to']}.",
                todo="`until` is the first day on which it no longer holds.",
            )
    return rows


def _need_one_name_each(versions: Sequence[Row]) -> None:
    names = [row["version"] for row in versions]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(
                f"[[rules]] has two entries of version {name!r}.", todo="Give each a version name of its own."
            )


def _need_known_shifts(rosters: Iterable[Row], shifts: Sequence[Row]) -> None:
    known = sorted({row["shift"] for row in shifts})
    for row in rosters:
        if row["shift"] not in known:
            raise ConfigError(
                f"[[roster]] {row['scope']} {row['subject']} names the shift {row['shift']!r}, which does not exist.",
                todo=f"Choose among {', '.join(known)}, or add a [[shift]].",
            )


def _need_no_gap(rows: Sequence[Row], what: str) -> None:
    """From the first entry on, some entry must hold on every day."""
    for one, other in pairwise(rows):
        if one["valid_to"] != other["valid_from"]:
            raise ConfigError(
                f"{what}: nothing holds from {one['valid_to']} to {other['valid_from']}.",
                todo="Close the gap: leave out `until`, or begin the next entry on that day.",
            )
    if not rows or rows[-1]["valid_to"] is not None:
        raise ConfigError(f"{what}: no entry holds from some day on.", todo="Leave out `until` in the last entry.")


def _take(entry: Mapping[str, Any], name: str, kind: type, where: str) -> Any:
    value = entry.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ConfigError(
            f"{where}: {name} is missing or no {kind.__name__}.",
            todo="Compare it with include/config/fieldwork.toml.",
        )
    return value


def _optional(entry: Mapping[str, Any], name: str, kind: type, where: str) -> Any:
    return _take(entry, name, kind, where) if name in entry else None


def _measure(entry: Mapping[str, Any], name: str, kind: type, where: str) -> Any:
    value = entry.get(name)
    if not _is_number(value) or value < 0 or kind(value) != value:  # type: ignore[operator]
        raise ConfigError(f"{where}: {name} must be a number from 0 up.", todo="Mend it; units are in its name.")
    return kind(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
