"""Links that people keep in a file: ``identity.csv``, one line for a span of days of an id."""

from __future__ import annotations

import csv
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.errors import ConfigError

from . import links, sql

COLUMNS: Final = ("system", "external_id", "employee_id", "valid_from", "valid_to")

_LINE: Final = sa.Table(
    "line",
    sa.MetaData(),
    *(sa.Column(name, sa.Date if name.startswith("valid") else sa.Text) for name in COLUMNS),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
)


def link_by_file(connection: sa.Connection, path: Path, as_of: datetime) -> None:
    """Make the file's links; what it says on days that were decided by hand, or that it says already, changes nothing.

    Asks ``file_disagrees`` (an id with two persons on a day) and ``no_such_person``. Raises ConfigError.
    """
    lines = read(path)
    connection.exec_driver_sql("create temporary table if not exists claim (employee_no text) on commit drop")
    _LINE.create(connection)
    if lines:
        connection.execute(sa.insert(_LINE), lines)
        connection.execute(sa.text(sql.read("identity_file")))
        links.apply(connection, path.name)
        connection.execute(sa.text(sql.read("identity_file_problem")))
    links.settle(connection, ["file_disagrees", "no_such_person"], as_of)
    _LINE.drop(connection)


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of the file; raises ConfigError that names the line at fault."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"There is no file {path}.", todo="Check FIELDWORK_IDENTITY.") from None
    reader = csv.DictReader(text.splitlines())
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise ConfigError(f"{path} has other columns.", todo=f"Its first line must be {','.join(COLUMNS)}.")
    return [_line(path, reader.line_num, cells) for cells in reader]


def _line(path: Path, number: int, cells: dict[str, str]) -> dict[str, Any]:
    try:
        line = {name: _given(cells, name) for name in COLUMNS[:3]}
        span = {name: date.fromisoformat(cells[name].strip()) if cells[name] else None for name in COLUMNS[3:]}
    except (ValueError, TypeError, AttributeError):
        raise ConfigError(
            f"{path}, line {number}: a needed cell is empty or a date is not YYYY-MM-DD.",
            todo="Mend the line; valid_from and valid_to may be empty.",
        ) from None
    first, end = span["valid_from"] or links.BEGINNING, span["valid_to"]
    if end is not None and end <= first:
        raise ConfigError(
            f"{path}, line {number}: valid_to is not after valid_from.",
            todo="valid_to is the first day that the link no longer holds.",
        )
    return line | {"valid_from": first, "valid_to": end}


def _given(cells: dict[str, str], column: str) -> str:
    value = (cells[column] or "").strip()
    if not value:
        raise ValueError(column)
    return value
