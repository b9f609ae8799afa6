"""SOQL texts: names come checked from the options, values are written as literals here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
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
    having = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT {_list(fields)} FROM {sobject}{having} ORDER BY {stamp}, {key}"  # noqa: S608


def by_key(sobject: str, fields: Iterable[str], *, key: str, values: Sequence[str]) -> str:
    """The records whose ``key`` is one of the values."""
    return f"SELECT {_list(fields)} FROM {sobject} WHERE {key} IN ({', '.join(map(text, values))})"  # noqa: S608


def _list(fields: Iterable[str]) -> str:
    """Each field once: Salesforce refuses a field that is selected twice."""
    return ", ".join(dict.fromkeys(fields))
