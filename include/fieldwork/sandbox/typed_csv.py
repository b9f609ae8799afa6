"""CSV to Arrow and back, column by column, with the types that a schema gives. UTF-8, with or without a mark (BOM).

Empty = unknown. Instants carry an offset, ids stay text, booleans are true/false, 1/0, yes/no or 是/否. Columns that
the schema does not name are ignored, columns that the file lacks are unknown. An error names the file, the line and
the column, and never the value.
"""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, NoReturn

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from fieldwork import spreadsheet
from fieldwork.errors import ConfigError

_TRUE: Final = pa.array(["true", "1", "yes", "是"])
_FALSE: Final = pa.array(["false", "0", "no", "否"])


def read(path: Path, schema: pa.Schema) -> pa.Table:
    """The file's rows in the columns and types of ``schema``; raises ConfigError."""
    content = _utf8(path)
    header = _header(path, content, schema)
    if header is None:
        return schema.empty_table()
    texts = _texts(path, content, len(header))
    columns = [
        _typed(path, content, field, texts.column(header.index(field.name)).combine_chunks())
        if field.name in header
        else pa.nulls(len(texts), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def write(table: pa.Table, target: Path | BinaryIO) -> None:
    """The table as CSV that :func:`read` gives back as it was, and in which a spreadsheet runs nothing."""
    columns = [_written(column) for column in table.columns]
    pcsv.write_csv(pa.table(columns, names=table.column_names), target)


def _utf8(path: Path) -> bytes:
    content = path.read_bytes()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path.name}, line {line}: this is not UTF-8.", todo="Save the file as UTF-8.") from None
    return content


def _records(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Every record with the line on which it begins, empty lines left out; cells may hold line ends."""
    records = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    begins = 1
    for record in records:
        if record:
            yield begins, record
        begins = records.line_num + 1


def _header(path: Path, content: bytes, schema: pa.Schema) -> list[str] | None:
    first = next(_records(content), None)
    if first is None:
        return None
    names = [name.strip() for name in first[1]]
    twice = sorted(name for name in schema.names if names.count(name) > 1)
    if twice:
        raise ConfigError(
            f"{path.name}, line 1: the column {twice[0]} stands there twice.", todo="Take one of them out."
        )
    return names


def _texts(path: Path, content: bytes, width: int) -> pa.Table:
    """Every cell as text, columns named by position, the header among the rows left out."""
    names = [str(position) for position in range(width)]
    bad: list[pcsv.InvalidRow] = []

    def keep_the_first(row: pcsv.InvalidRow) -> str:
        bad.append(row)
        return "skip"

    rows = pcsv.read_csv(
        pa.py_buffer(content),
        pcsv.ReadOptions(column_names=names, use_threads=False),
        pcsv.ParseOptions(newlines_in_values=True, invalid_row_handler=keep_the_first),
        pcsv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )
    if bad:
        _refuse_width(path, content, width)
    return rows.slice(1)


def _refuse_width(path: Path, content: bytes, width: int) -> NoReturn:
    """Name the first line with too many or too few cells."""
    line, found = next((line, len(record)) for line, record in _records(content) if len(record) != width)
    raise ConfigError(
        f"{path.name}, line {line}: {found} cells where the header has {width}.",
        todo="Quote cells that hold a comma, a quote or a line end.",
    )


def _typed(path: Path, content: bytes, field: pa.Field, texts: pa.Array) -> pa.Array:
    convert = _converter(field.type)
    try:
        return convert(texts)
    except pa.ArrowInvalid:
        pass
    position = 1 + _first_refused(texts, convert)
    line = next(line for line, _ in islice(_records(content), position, None))
    raise ConfigError(
        f"{path.name}, line {line}, column {field.name}: this is not {_wanted(field.type)}.",
        todo="Mend the cell, or leave it empty when the value is unknown.",
    )


def _first_refused(texts: pa.Array, convert: Callable[[pa.Array], pa.Array]) -> int:
    """Position of the first cell that cannot be converted, by halving."""
    first, after = 0, len(texts)
    while after - first > 1:
        middle = (first + after) // 2
        try:
            convert(texts.slice(first, middle - first))
        except pa.ArrowInvalid:
            after = middle
        else:
            first = middle
    return first


def _converter(kind: pa.DataType) -> Callable[[pa.Array], pa.Array]:
    if pa.types.is_boolean(kind):
        return _flags
    if pa.types.is_floating(kind):
        return _numbers
    if pa.types.is_string(kind):
        return spreadsheet.restored
    return lambda texts: texts.cast(kind)


def _flags(texts: pa.Array) -> pa.Array:
    lower = pc.utf8_lower(pc.utf8_trim_whitespace(texts))
    true, false = pc.is_in(lower, _TRUE), pc.is_in(lower, _FALSE)
    if not pc.all(pc.or_(pc.or_(true, false), pc.is_null(texts)), min_count=0).as_py():
        raise pa.ArrowInvalid("not a boolean")
    return pc.if_else(pc.is_null(texts), None, true)


def _numbers(texts: pa.Array) -> pa.Array:
    numbers = texts.cast(pa.float64())
    if not pc.all(pc.is_finite(numbers), min_count=0).as_py():
        raise pa.ArrowInvalid("not finite")
    return numbers


def _wanted(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "an instant with an offset, such as 2026-11-02T09:00:00+08:00"
    if pa.types.is_date(kind):
        return "a date, such as 2026-11-02"
    if pa.types.is_boolean(kind):
        return "true or false"
    if pa.types.is_decimal(kind):
        return "an amount with at most two decimals"
    return "a number"


def _written(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Instants as text in UTC, without fractions where there are none; text defused; other columns as they are.

    Arrow itself is slow to write instants with a zone: a million punches take 7 s that way and 2 s this way.
    """
    if pa.types.is_string(column.type):
        return spreadsheet.defused(column)
    if not pa.types.is_timestamp(column.type):
        return column
    local = column.cast(pa.timestamp("us"))
    with contextlib.suppress(pa.ArrowInvalid):
        local = local.cast(pa.timestamp("s"))
    return pc.binary_join_element_wise(local.cast(pa.string()), "Z", "")
