"""SOQL texts: names come checked from the options, values are written as literals here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Final

_ESCAPES: Final = str.maketrans(
    {"\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
)


def text(value: str) -> str:
    """A text literal."""
    return f"'{value.translate(_ESCAPES)}'"


def instant(value: datetime) -> str:
    """An instant literal: in UTC, whole seconds, cut off; so ``>=`` asks for a little more, never for less."""
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def modified_since(
    sobject: str, fields: Iterable[str], *, stamp: str, key: str, where: str | None, start: datetime | None
) -> str:
    """All records whose ``stamp`` is at or after ``start`` (None: all), oldest first.

    There is no upper bound: how far the read came is known from the records' own stamps.
    """
    conditions = [f"({where})"] if where else []
    if start is not None:
        conditions.append(f"{stamp} >= {instant(start)}")
    return f"SELECT {_list(fields)} FROM {sobject}{_where(conditions)} ORDER BY {stamp}, {key}"  # noqa: S608


def of_days(field: str, start: date | datetime, end: date | datetime) -> str:
    """The condition that ``field`` lies in ``[start, end)``, or is not given."""
    low, high = (instant(edge) if isinstance(edge, datetime) else edge.isoformat() for edge in (start, end))
    return f"({field} = null OR ({field} >= {low} AND {field} < {high}))"


def listed(sobject: str, fields: Iterable[str], *, key: str, conditions: Sequence[str]) -> str:
    """The records for which all conditions hold, by key."""
    return f"SELECT {_list(fields)} FROM {sobject}{_where(conditions)} ORDER BY {key}"  # noqa: S608


def counted(sobject: str, *, key: str, day: str | None, summed: str | None, conditions: Sequence[str]) -> str:
    """How many records, and what sum, for each ``day`` (an expression; None: altogether); at most 2,000 days."""
    columns = [*([f"{day} d"] if day else []), f"COUNT({key}) n", *([f"SUM({summed}) s"] if summed else [])]
    by_day = f" GROUP BY {day}" if day else ""
    return f"SELECT {', '.join(columns)} FROM {sobject}{_where(conditions)}{by_day}"  # noqa: S608


def by_key(sobject: str, fields: Iterable[str], *, key: str, values: Sequence[str]) -> str:
    """The records whose ``key`` is one of the values."""
    return f"SELECT {_list(fields)} FROM {sobject} WHERE {key} IN ({', '.join(map(text, values))})"  # noqa: S608


def _where(conditions: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _list(fields: Iterable[str]) -> str:
    """Each field once: Salesforce refuses a field that is selected twice."""
    return ", ".join(dict.fromkeys(fields))
