"""CSV for spreadsheets: a text that one would run as a formula is defused, numbers stay numbers. The only such place.

A spreadsheet runs a cell that begins with ``= + - @`` or their full-width forms; tab, line end and NUL at the front
hide such a beginning (OWASP ASVS 1.2.10). An apostrophe before it makes it text. Text is always quoted, so that a
``;`` does not end the cell where that is the local separator.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final, TextIO

import pyarrow as pa
import pyarrow.compute as pc

#: Blanks and apostrophes at the front do not make the rest safe, or could not be told from ours. For ``re`` and Arrow.
RUNS: Final = "^[' \u00a0\u3000\ufeff\u200b]*[=+\\-@＝＋－＠\\t\\r\\n\\x00]"
_RUNS: Final = re.compile(RUNS)


def defuse(cell: Any) -> Any:
    """The cell as it may stand in a CSV: numbers and None as they are, all else as text that nothing runs."""
    if cell is None or isinstance(cell, int | float | Decimal):
        return cell
    text = str(cell)
    return f"'{text}" if _RUNS.match(text) else text


def restore(text: str) -> str:
    """The text that :func:`defuse` was given."""
    return text[1:] if text.startswith("'") and _RUNS.match(text[1:]) else text


def defused(texts: pa.Array) -> pa.Array:
    """:func:`defuse` for a whole column of text."""
    marked = pc.binary_join_element_wise(pa.scalar("'"), texts, "")
    return pc.if_else(pc.match_substring_regex(texts, RUNS), marked, texts)


def restored(texts: pa.Array) -> pa.Array:
    """:func:`restore` for a whole column of text."""
    bare = pc.utf8_slice_codeunits(texts, 1)
    ours = pc.and_(pc.starts_with(texts, "'"), pc.match_substring_regex(bare, RUNS))
    return pc.if_else(ours, bare, texts)


def write(file: TextIO, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """A header and the rows, every cell defused; returns how many rows."""
    writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow([defuse(name) for name in names])
    count = 0
    for count, row in enumerate(rows, start=1):  # noqa: B007 - the last one is the count
        writer.writerow([defuse(cell) for cell in row])
    return count
