"""What a person types into a cell of a quarantined row, as the payload holds it; what cannot be typed is refused.

The payload is what ``to_jsonb`` makes of a staged row: instants and days as ISO 8601 text, money as an exact number.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import pyarrow as pa

from fieldwork.errors import ConfigError
from fieldwork.streams import DAY, FLAG, INSTANT, MONEY, NUMBER, TEXT, Stream

#: What a cell may be given as: text from the command line or CSV, anything of these from JSON. None, "" = unknown.
Given = str | int | float | bool | None

_MOST_MONEY: Final = Decimal(10) ** 16
_CENTS: Final = -2
_FLAGS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def typed(stream: Stream, changes: Mapping[str, Given]) -> str:
    """The changes as the text of a JSON object, to be laid on the payload.

    ``parse_error`` may be emptied: it says that what could not be read stays unknown. Raises ConfigError that names the
    column, never the value.
    """
    foreign = sorted(name for name in changes if name not in stream.columns and name != "parse_error")
    if foreign:
        raise ConfigError(
            f"{stream.name} has no column {', '.join(foreign)}.", todo=f"Choose among: {', '.join(stream.columns)}."
        )
    if changes.get("parse_error"):
        raise ConfigError("parse_error can only be emptied.", todo="Write `parse_error=` with nothing behind it.")
    kinds = {**stream.column_types, "parse_error": TEXT}
    cells = (f"{json.dumps(name)}: {_cell(name, kinds[name], given)}" for name, given in changes.items())
    return "{" + ", ".join(cells) + "}"


def _cell(name: str, kind: pa.DataType, given: Given) -> str:
    text = json.dumps(given) if isinstance(given, bool) else str(given)  # JSON's true, not Python's True
    if given is None or text == "":
        return "null"
    wanted, convert = _KINDS[kind]
    try:
        return convert(text)
    except (ValueError, KeyError, InvalidOperation, OverflowError):
        problem = f"What was given for {name} is not {wanted}."
    raise ConfigError(problem, todo=f"Mend it, or leave {name} empty.")


def _text(text: str) -> str:
    text.encode("utf-8")  # half a surrogate pair cannot be stored
    if "\0" in text:
        raise ValueError("NUL")
    return json.dumps(text)


def _instant(text: str) -> str:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("no offset")
    return json.dumps(instant.astimezone(UTC).isoformat())


def _day(text: str) -> str:
    return json.dumps(date.fromisoformat(text).isoformat())


def _number(text: str) -> str:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("not finite")
    return repr(number)


def _money(text: str) -> str:
    amount = Decimal(text)
    exponent: Any = amount.as_tuple().exponent
    if not amount.is_finite() or abs(amount) >= _MOST_MONEY or exponent < _CENTS:
        raise ValueError("not money")
    return format(amount, "f")


def _flag(text: str) -> str:
    return json.dumps(_FLAGS[text.strip().lower()])


_KINDS: Final[dict[pa.DataType, tuple[str, Callable[[str], str]]]] = {
    TEXT: ("a text that can be stored", _text),
    INSTANT: ("an instant with an offset, such as 2026-11-02T09:00:00+08:00", _instant),
    DAY: ("a date, such as 2026-11-02", _day),
    NUMBER: ("a number", _number),
    MONEY: ("an amount with at most two decimals", _money),
    FLAG: ("true or false", _flag),
}
