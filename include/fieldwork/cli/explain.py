"""Commands ``explain performance``, ``visit`` and ``punch``: a value, its rule, its source rows, what checks said."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Table

from fieldwork.steps import explain as steps
from fieldwork.steps.explain import Column, Explanation

from .console import out
from .differences import plain_table
from .journey import DAY
from .warehouse import open_warehouse

app = typer.Typer(
    no_args_is_help=True,
    help="Why is a number what it is? The rule and its version, the source rows with the batches that brought them, and"
    " the checks. Each value is computed again from the listed rows alone, and stands beside the published one.\n\n"
    "No names, no places: distances only. In SQL: report.explain_performance, explain_visit, explain_punch,"
    " explain_source, explain_check.",
)

AsJson = Annotated[bool, typer.Option("--json", help="Everything as one JSON object.")]
ColumnName = Annotated[str | None, typer.Argument(metavar="[COLUMN]", help="One column. Default: all of them.")]


@app.command()
def performance(
    employee: Annotated[str, typer.Argument(help="Employee id, as in report.performance_day.")],
    day: Annotated[datetime, typer.Argument(formats=[DAY], help="The working day.")],
    column: ColumnName = None,
    as_json: AsJson = False,
) -> None:
    """A person-day: performance and the attendance that it is made of, e.g. `explain performance 000007 2026-11-09`."""
    engine, _ = open_warehouse()
    _show(steps.explain_day(engine, employee, day.date(), column), as_json)


@app.command()
def visit(
    visit_id: Annotated[str, typer.Argument(help="The CRM's id of the visit.")],
    column: ColumnName = None,
    as_json: AsJson = False,
) -> None:
    """The check of a visit: its verdict, and every check-in that came into question."""
    engine, _ = open_warehouse()
    _show(steps.explain_visit(engine, visit_id, column), as_json)


@app.command()
def punch(
    record_id: Annotated[str, typer.Argument(help="The attendance system's id of the punch.")],
    column: ColumnName = None,
    as_json: AsJson = False,
) -> None:
    """A check-in that proves no visit, or a punch of a day outside employment: why it proves or counts nothing."""
    engine, _ = open_warehouse()
    _show(steps.explain_punch(engine, record_id, column), as_json)


def _show(found: Explanation, as_json: bool) -> None:
    if as_json:
        columns = [{**asdict(column), "holds": column.holds} for column in found.columns]
        typer.echo(json.dumps({**asdict(found), "columns": columns}, default=_json, ensure_ascii=False, indent=2))
        return
    zone = ZoneInfo(found.time_zone)
    _show_head(found, zone)
    last = {column.name: column for column in found.columns}  # attendance's own, not performance's copy of it
    for column in last.values():
        _show_column(column, found)
    _show_rows("Check-ins in question", found.candidates, zone)
    _show_rows("Source rows, as they stand now", found.sources, zone)
    _show_rows("What the checks said (batch 0: the audit before it was published)", found.checks, zone)


def _show_head(found: Explanation, zone: ZoneInfo) -> None:
    what = found.employee_id
    if found.visit_id or found.record_id:
        what = f"{f'Visit {found.visit_id}' if found.visit_id else f'Punch {found.record_id}'} of {what}"
    out.print(f"[bold]{escape(what)}, {found.work_date}[/]", highlight=False)
    earlier = f", {found.earlier} earlier in the history" if found.earlier else ""
    out.print(f"Rules {escape(found.rule_version)}. Published {found.published_at.astimezone(zone):%F %T}{earlier}.")
    if found.waits_for:
        out.print(f"It waits to be computed again: {escape(found.waits_for)} changed.")
    wrong = [column.name for column in found.columns if not column.holds]
    if wrong:
        out.print(f"[bold red]Facts changed since:[/] {', '.join(wrong)} would be another value now, told below.")


def _show_column(column: Column, found: Explanation) -> None:
    again = "" if column.holds else f"  [bold red]again: {escape(_said(column.again))}[/]"
    out.print(f"\n[bold]{column.name}[/] = [bold]{escape(_said(column.value))}[/]{again}")
    out.print(f"  {escape(column.rule)}", soft_wrap=True)
    inputs = {k: v for k, v in column.inputs.items() if v is not None}
    zone = ZoneInfo(found.time_zone)
    if inputs:
        told = ", ".join(f"{name} {_local(value, zone)}" for name, value in inputs.items())
        out.print(f"  from {escape(told)}", style="dim", soft_wrap=True)
    counted = [row["record_id"] for row in found.sources if column.name in row["counts_in"]]
    if counted:
        out.print(f"  counted: {escape(', '.join(counted))}", style="dim", soft_wrap=True)


def _show_rows(title: str, rows: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> None:
    if not rows:
        return
    told = [name for name in rows[0] if any(row[name] not in (None, []) for row in rows)]
    table: Table = plain_table(title, [name.replace("_", " ") for name in told])
    for row in rows:
        table.add_row(*(escape(_cell(row[name], zone)) for name in told))
    out.print()
    out.print(table)


def _cell(value: Any, zone: ZoneInfo) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%m-%d %H:%M:%S}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _local(value: Any, zone: ZoneInfo) -> str:
    """An instant as the wall clock; anything else as it is."""
    try:
        instant = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return str(value)
    return f"{instant.astimezone(zone):%F %T}" if instant.tzinfo else str(value)


def _said(value: str | None) -> str:
    return "null" if value is None else value


def _json(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(type(value).__name__)
