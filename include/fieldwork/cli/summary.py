"""What a run did, as tables on the terminal: rows by outcome, quarantine by rule, verdicts, CRM writes, time."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

import sqlalchemy as sa
from rich import box
from rich.markup import escape
from rich.table import Table

from fieldwork.warehouse.schema import ops

from .console import out

#: Title, the query's file, and what it says when there is nothing; empty: then it is left out.
TABLES: Final = (
    ("Rows by stream", "rows_by_stream.sql", "no stream was read"),
    ("Quarantined rows by rule", "quarantined_by_rule.sql", "none"),
    ("Warnings by rule", "warnings_by_rule.sql", "none"),
    ("Person-days rebuilt, and the rows published", "rows_published.sql", "nothing was built"),
    ("Visits by verdict", "visits_by_verdict.sql", "no visit in these days"),
    ("CRM writes by result", "writes_by_result.sql", "nothing was sent"),
    ("Events by webhook", "events_by_webhook.sql", ""),
    ("Time by step", "time_by_step.sql", "no step has ended"),
)


def show_run(engine: sa.Engine, run_id: str) -> None:
    """Print the tables of one run."""
    for title, file, nothing in TABLES:
        names, rows = answer(engine, file, run_id)
        if rows or nothing:
            out.print(table_of(title, names, rows) if rows else f"[bold]{title}[/]: {nothing}")
    _, waiting = answer(engine, "ids_to_review.sql", run_id)
    if waiting:
        out.print(f"{waiting[0][0]:,} ids wait for somebody to say whose they are: fieldwork identity review")
    for warning in _warnings(engine, run_id):
        out.print(
            f"[bold yellow]Warning[/] {escape(warning)} [bold]fieldwork quarantine ageing[/] tells which.",
            soft_wrap=True,
        )


def _warnings(engine: sa.Engine, run_id: str) -> list[str]:
    s = ops.step.c
    with engine.connect() as connection:
        found = connection.execute(
            sa.select(s.result).where(s.run_id == run_id, s.step == "finish")
        ).scalar_one_or_none()
    return list((found or {}).get("warnings", []))


def answer(engine: sa.Engine, file: str, run_id: str) -> tuple[list[str], Sequence[Any]]:
    """Column names and rows of one of the queries in ``sql/``."""
    query = files(__package__).joinpath("sql", file).read_text(encoding="utf-8")
    with engine.connect() as connection:
        result = connection.execute(sa.text(query), {"run_id": run_id})
        return list(result.keys()), result.all()


def table_of(title: str, names: Sequence[str], rows: Sequence[Any]) -> Table:
    """The rows; columns that say nothing in any row are left out."""
    table = Table(
        title=title or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    told = [n for n in range(len(names)) if any(row[n] is not None for row in rows)]
    for position, name in [(n, names[n]) for n in told]:
        number = all(isinstance(row[position], int | float) or row[position] is None for row in rows)
        table.add_column(name.replace("_", " "), justify="right" if number else "left")
    for row in rows:
        table.add_row(*(shown(row[n]) for n in told))
    return table


def shown(cell: Any) -> str:
    """A cell as it may go to a terminal: what a source wrote there gives no orders to it."""
    if cell is None:
        return ""
    if isinstance(cell, int) and not isinstance(cell, bool):
        return f"{cell:,}"
    text = str(cell)
    return escape(text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text))
