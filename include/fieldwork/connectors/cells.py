"""Cells that do not stand on the wire as promised: numbers as text, texts as numbers.

Tried in turn for a whole column: as promised, from text, and only then cell by cell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from math import isfinite
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

#: Larger integers than PostgreSQL's bigint holds are no ids or instants of any vendor.
_BIGINT: Final = 1 << 63


def column(name: str, values: Sequence[Any], kind: pa.DataType, faults: list[str | None]) -> pa.Array:
    """``values`` as an array of ``kind``; what fits no way becomes null, and ``faults`` (one a row) names the column.

    A row's first fault is kept. Integers, floats, booleans, texts, decimals and dates are known kinds.
    """
    for whole in (_as_promised, _from_text):
        try:
            return whole(values, kind)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            continue
    return _one_by_one(name, values, kind, faults)


def holds_nan(array: pa.Array) -> bool:
    """Whether a column of floats holds NaN or an infinity; always false for other kinds."""
    if not pa.types.is_floating(array.type) or array.null_count == len(array):
        return False
    # in the buffer, null cells are zero or left over: only cells that are there count
    return not pc.all(pc.is_finite(array), min_count=0).as_py()


def _as_promised(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_integer(kind) and not pa.types.is_integer(pa.infer_type(values)):
        raise ValueError  # given the kind, pyarrow would cut 1.5 to 1
    return _finite(pa.array(values, kind))


def _from_text(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    return _finite(pa.array(values, pa.string()).cast(kind))


def _finite(array: pa.Array) -> pa.Array:
    if holds_nan(array):
        raise ValueError
    return array


def _one_by_one(name: str, values: Sequence[Any], kind: pa.DataType, faults: list[str | None]) -> pa.Array:
    read = _reader(kind)
    cells: list[Any] = []
    for row, value in enumerate(values):
        try:
            cells.append(None if value is None or value == "" else read(value))
        except (TypeError, ValueError, OverflowError, InvalidOperation):
            cells.append(None)
            faults[row] = faults[row] or f"{name} is not {_word(kind)}"
    return pa.array(cells, kind)


def _reader(kind: pa.DataType) -> Callable[[Any], Any]:
    if pa.types.is_integer(kind):
        return _integer
    if pa.types.is_floating(kind):
        return _number
    if pa.types.is_boolean(kind):
        return _flag
    if pa.types.is_decimal(kind):
        return lambda value: _decimal(value, kind)
    if pa.types.is_date(kind):
        return lambda value: date.fromisoformat(_text(value))
    return _text


def _word(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "true or false"
    if pa.types.is_date(kind):
        return "a date"
    return "a text that can be stored" if pa.types.is_string(kind) else "a number"


def storable(value: Any) -> str | None:
    """A text that PostgreSQL can hold; None for what is none, or holds U+0000 or half a surrogate pair."""
    if not isinstance(value, str) or "\0" in value:
        return None
    return value if value.isascii() or not any("\ud800" <= one <= "\udfff" for one in value) else None


def _text(value: Any) -> str:
    if isinstance(value, bool | dict | list):
        raise TypeError
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value)
    text.encode("utf-8")
    return text


def _integer(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError
    number = int(value) if not isinstance(value, float) else _whole(value)
    if not -_BIGINT <= number < _BIGINT:
        raise OverflowError
    return number


def _whole(value: float) -> int:
    if not value.is_integer():
        raise ValueError
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError
    number = float(value)
    if not isfinite(number):
        raise ValueError
    return number


def _flag(value: Any) -> bool:
    word = str(value).lower()
    if word not in ("true", "false"):
        raise ValueError
    return word == "true"


def _decimal(value: Any, kind: pa.DataType) -> Decimal:
    """From the text of the number, rounded half up to the kind's places: no binary fractions get in."""
    if isinstance(value, bool):
        raise TypeError
    number = Decimal(str(value)).quantize(Decimal(1).scaleb(-kind.scale), ROUND_HALF_UP)
    if not number.is_finite() or abs(number) >= Decimal(10) ** (kind.precision - kind.scale):
        raise ValueError
    return number
