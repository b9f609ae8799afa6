"""``roster.csv``: who works which shift on which date; a line wins over every ``[[roster]]``.

A plan of a year for thousands of people is a long file, so it stays columns: Arrow reads and checks it, COPY takes it
into the warehouse, and only what differs is written.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from pyarrow import csv

from fieldwork.errors import ConfigError

from . import sql
from .entries import Row
from .shifts import need_shift

COLUMNS: Final = ("employee_id", "work_date", "shift")


@dataclass(frozen=True, slots=True)
class RosterLines:
    """Dates of people on which the file says another shift than the warehouse, or one of them says none."""

    dates: int
    people: int
    first_day: date
    last_day: date


def load(connection: sa.Connection, path: Path, shifts: Sequence[Row]) -> None:
    """Bring the lines of the file into ``roster_line`` (temporary); raises ConfigError that names the line."""
    table = read(path, shifts)
    connection.execute(sa.text("create temporary table roster_line (like ref.roster_day) on commit drop"))
    text = io.BytesIO()
    csv.write_csv(table, text)
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy("copy roster_line from stdin (format csv, header)") as copy:
        copy.write(text.getvalue())
    connection.execute(sa.text("analyze roster_line"))


def differing(connection: sa.Connection) -> RosterLines | None:
    """What ``roster_line`` says otherwise than ``ref.roster_day``; None: nothing."""
    found = connection.execute(sa.text(sql.read("roster_difference"))).one()
    return RosterLines(*found) if found.dates else None


def write(connection: sa.Connection) -> None:
    """Make ``ref.roster_day`` hold what ``roster_line`` says and nothing else."""
    for statement in sql.read("roster_file").split(";"):
        connection.execute(sa.text(statement))


def forget(connection: sa.Connection) -> None:
    """Drop ``roster_line``: the file may be loaded once more in the transaction."""
    connection.execute(sa.text("drop table roster_line"))


def read(path: Path, shifts: Sequence[Row]) -> pa.Table:
    """The lines of ``roster.csv`` (employee_id, work_date, shift): who works what on which date.

    Raises ConfigError that names the line and never its content.
    """
    table = _parse(path)
    for name in COLUMNS:
        _refuse_lines(path, pc.fill_null(pc.equal(table[name].cast(pa.string()), ""), True), f"{name} is empty")
    key = pc.binary_join_element_wise(table["employee_id"], table["work_date"].cast(pa.string()), "\n").combine_chunks()
    first = pc.index_in(key, pc.unique(key))
    seen = pa.table({"key": first, "line": pa.array(range(len(first)), pa.int64())})
    firsts = seen.group_by("key").aggregate([("line", "min")]).column("line_min")
    twice = pc.invert(pc.is_in(seen["line"], firsts))
    _refuse_lines(path, twice, "the person has two shifts on one date")
    ends = table.group_by("shift").aggregate([("work_date", "min"), ("work_date", "max")]).to_pylist()
    for row in ends:
        until = row["work_date_max"] + timedelta(days=1)
        need_shift(shifts, row["shift"], row["work_date_min"], until, str(path))
    return table


def _parse(path: Path) -> pa.Table:
    types = {"employee_id": pa.string(), "work_date": pa.date32(), "shift": pa.string()}
    try:
        text = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
        table = csv.read_csv(
            io.BytesIO(text), convert_options=csv.ConvertOptions(column_types=types, strings_can_be_null=False)
        )
    except FileNotFoundError:
        raise ConfigError(f"There is no file {path}.", todo="Check FIELDWORK_ROSTER.") from None
    except (pa.ArrowInvalid, OSError):
        raise ConfigError(
            f"{path} cannot be read: a line has other cells than the first one, or a date is not YYYY-MM-DD.",
            todo=f"Its first line is {','.join(COLUMNS)}; write it as UTF-8.",
        ) from None
    if tuple(table.column_names) != COLUMNS:
        raise ConfigError(f"{path} has other columns.", todo=f"Its first line must be {','.join(COLUMNS)}.")
    return table


def _refuse_lines(path: Path, wrong: pa.ChunkedArray, what: str) -> None:
    at = pc.index(wrong, True).as_py()
    if at >= 0:
        raise ConfigError(f"{path}, line {at + 2}: {what}.", todo="Mend the line; the first line names the columns.")
