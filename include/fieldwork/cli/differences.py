"""Tables of what a rehearsal or a restatement changed: how many rows, which columns, a sample as old → new."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from rich import box
from rich.markup import escape
from rich.table import Table

from fieldwork import spreadsheet
from fieldwork.errors import ConfigError
from fieldwork.steps import difference

from .console import err, out

_NONE = "–"


def show_counts(connection: sa.Connection) -> None:
    """Rows by dataset, columns by rows, statuses and verdicts as old → new."""
    found = difference.counts(connection)
    if not any(any(rows.values()) for rows in found.values()):
        out.print("Nothing differs from what is published.")
        return
    out.print(f"{difference.people(connection):,} people would change.")
    rows = [(name, n["changed"], n["new"], n["gone"], n["same_values"]) for name, n in found.items()]
    _print("Rows", ("dataset", "changed", "new", "gone", "other version, same values"), rows)
    _print("Columns", ("dataset", "column", "rows"), difference.columns(connection))
    turns = [(dataset, f"{old or _NONE} → {new or _NONE}", n) for dataset, old, new, n in difference.turns(connection)]
    _print("Statuses and verdicts", ("dataset", "old → new", "rows"), turns)


def show_lines(connection: sa.Connection, limit: int) -> None:
    """The first changed columns, person by person."""
    rows = [
        (r["employee_id"], str(r["work_date"]), _row(r), r["column_name"] or r["change"], r["old"], r["new"])
        for r in difference.lines(connection, limit=limit)
    ]
    _print("The first changes", ("employee", "day", "row", "column", "old", "new"), rows)


def write_csv(connection: sa.Connection, path: Path) -> None:
    """Every changed column, one a line; raises ConfigError when the file cannot be written."""
    names = ("dataset", "employee_id", "work_date", "key", "change", "column_name", "old", "new")
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = ([row[name] for name in names] for row in difference.lines(connection))
            count = spreadsheet.write(file, names, rows)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.", todo="Name another file.") from None
    err.print(f"{count:,} changes are in {path}.")


def show_restated(done: dict[str, Any]) -> None:
    """What a restatement did, by dataset."""
    out.print(f"{done['person_days']:,} person-days were computed again.")
    rows = [(name, *counts.values()) for name, counts in done.items() if isinstance(counts, dict)]
    if rows:
        _print("Published rows", ("dataset", "inserted", "changed", "removed", "unchanged"), rows)
    if any(sum(row[1:4]) for row in rows):
        out.print("What changed goes to the CRM with the next run.")


def _row(line: sa.RowMapping) -> str:
    """Which row of the day, where a day has several."""
    return line["dataset"] if line["key"] == str(line["work_date"]) else f"{line['dataset']} {line['key']}"


def plain_table(title: str, names: Sequence[str], right: Sequence[bool] = ()) -> Table:
    """A table without lines; ``right``: which columns hold numbers."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for position, name in enumerate(names):
        table.add_column(name, justify="right" if right and right[position] else "left")
    return table


def _print(title: str, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    if not rows:
        return
    table = plain_table(title, names, [isinstance(cell, int) for cell in rows[0]])
    for row in rows:
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else escape(cell or "") for cell in row))
    out.print(table)
