"""What every list of dated rules needs: cells of the right type, no unknown keys, one entry a day, no gap.

An entry holds from its ``from`` date until the next one of the same name begins, or until its own ``until`` (not
included). All functions raise ConfigError that names the entry at fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any, Final

from fieldwork.errors import ConfigError
from fieldwork.settings import Settings

Row = dict[str, Any]

#: Every dated entry may have these.
DATES: Final = frozenset({"from", "until"})
SCOPES: Final = ("company", "team", "employee")


def read_list(settings: Settings, name: str) -> Sequence[Mapping[str, Any]]:
    """The entries of ``[[name]]``; there must be one."""
    entries = settings.config.get(name)
    if not isinstance(entries, list) or not entries or not all(isinstance(e, Mapping) for e in entries):
        raise ConfigError(
            f"The configuration has no list [[{name}]].", todo="Compare it with include/config/fieldwork.toml."
        )
    return entries


def refuse_unknown(entry: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    """A misspelt key must not be passed over in silence."""
    unknown = sorted(entry.keys() - set(known))
    if unknown:
        raise ConfigError(
            f"{where}: {', '.join(unknown)} means nothing here.", todo=f"Known are {', '.join(sorted(known))}."
        )


def take(entry: Mapping[str, Any], name: str, kind: type, where: str) -> Any:
    """A cell that must be there."""
    value = entry.get(name)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ConfigError(
            f"{where}: {name} is missing or no {kind.__name__}.",
            todo="Compare it with include/config/fieldwork.toml.",
        )
    return value


def optional(entry: Mapping[str, Any], name: str, kind: type, where: str, default: Any = None) -> Any:
    """A cell that may be left out."""
    return take(entry, name, kind, where) if name in entry else default


def choose(entry: Mapping[str, Any], name: str, among: Sequence[str], where: str, default: str | None = None) -> str:
    """A word out of a few."""
    value = entry.get(name, default)
    if value not in among:
        raise ConfigError(f"{where}: {name} is {value!r}.", todo=f"Choose among {', '.join(among)}.")
    return str(value)


def measure(entry: Mapping[str, Any], name: str, kind: type, where: str, default: Any = None) -> Any:
    """A number from 0 up."""
    value = entry.get(name, default)
    if not is_number(value) or value < 0 or kind(value) != value:
        raise ConfigError(f"{where}: {name} must be a number from 0 up.", todo="Mend it; units are in its name.")
    return kind(value)


def is_number(value: object) -> bool:
    """A number in TOML's sense: true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def holder(entry: Mapping[str, Any], where: str) -> Row:
    """Whom an entry holds for, and on which days: scope, subject, valid_from, valid_to."""
    scope = choose(entry, "scope", SCOPES, where)
    return {
        "scope": scope,
        "subject": "*" if scope == "company" else take(entry, "subject", str, where),
        **span(entry, where),
    }


def span(entry: Mapping[str, Any], where: str) -> Row:
    """valid_from and valid_to."""
    return {"valid_from": take(entry, "from", date, where), "valid_to": optional(entry, "until", date, where)}


def dated(name: str, rows: Iterable[Row], by: tuple[str, ...]) -> list[Row]:
    """Rows sorted by name and date, each ended by the next of its name; two may not hold on one day."""
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


def need_no_gap(rows: Sequence[Row], what: str) -> None:
    """From the first entry on, some entry must hold on every day."""
    for one, other in pairwise(rows):
        if one["valid_to"] != other["valid_from"]:
            raise ConfigError(
                f"{what}: nothing holds from {one['valid_to']} to {other['valid_from']}.",
                todo="Close the gap: leave out `until`, or begin the next entry on that day.",
            )
    if not rows or rows[-1]["valid_to"] is not None:
        raise ConfigError(f"{what}: no entry holds from some day on.", todo="Leave out `until` in the last entry.")
