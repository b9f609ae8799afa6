"""Commands of the quarantine: ``list``, ``show``, ``ageing`` look; ``edit``, ``dismiss``, ``replay`` act."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import typer
from rich import box
from rich.table import Table

from fieldwork import spreadsheet
from fieldwork.errors import ConfigError
from fieldwork.privacy import looked
from fieldwork.quality import ageing as ages
from fieldwork.quality import lines
from fieldwork.quality.choice import OPEN, STATUSES, Choice, span
from fieldwork.streams import STREAMS

from .console import err, out, plain
from .warehouse import open_warehouse

app = typer.Typer(
    no_args_is_help=True,
    help="Rows that were set aside: look at them, mend them, dismiss them, send them through again.\n\n"
    "`list` shows what waits and why, `show N` one row; `edit N COLUMN=VALUE` mends it, `replay` sends what was mended"
    " through check, load, build and publish, as if it had never been bad.",
)

StreamNames = Annotated[list[str] | None, typer.Option("--stream", help="Only rows of this stream; may be repeated.")]
Rules = Annotated[list[str] | None, typer.Option("--rule", help="Only rows that broke this rule; may be repeated.")]
Statuses = Annotated[
    list[str] | None, typer.Option("--status", help=f"Only rows of this status: {', '.join(STATUSES)}, or all.")
]
OlderThan = Annotated[str, typer.Option(help="Only rows set aside longer ago than this: 7d, 36h, 90m.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="CSV that is safe to open in a spreadsheet.")]
Values = Annotated[bool, typer.Option("--values", help="Whole rows, personal data included; who looks is noted.")]
Purpose = Annotated[str, typer.Option(help="Why you look at values; stands in ops.audit_log.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before changing several rows.")]

#: What a list shows on a terminal and in CSV: heading and how it is told.
SHOWN: Final[Mapping[str, Callable[[Mapping[str, Any]], Any]]] = {
    "id": lambda row: row["quarantine_id"],
    "stream": lambda row: row["stream"],
    "key": lambda row: row["key"],
    "rule": lambda row: row["rule"].partition(".")[2],
    "reason": lambda row: row["reason"],
    "status": lambda row: row["status"],
    "age": lambda row: lines.days(row["age"]),
    "seen": lambda row: row["seen"],
}


def chosen(
    ids: Sequence[int],
    streams: Sequence[str] | None,
    rules: Sequence[str] | None,
    statuses: Sequence[str] | None,
    older_than: str,
) -> Choice:
    """The options as a choice; ``--status all`` means every one."""
    wanted = STATUSES if statuses and "all" in statuses else statuses or ()
    return Choice.of(
        ids=ids, streams=streams or (), rules=rules or (), statuses=wanted,
        older_than=span(older_than) if older_than else None,
    )  # fmt: skip


def who() -> str:
    """The person at this terminal."""
    return getpass.getuser()


def agree(rows: int, what: str, yes: bool) -> None:
    """Ask before several rows are changed; raises ConfigError where nobody can answer."""
    if yes or rows == 0:
        return
    if not sys.stdin.isatty():
        raise ConfigError(f"{rows:,} rows would be {what}.", todo="Say --yes if that is meant.")
    typer.confirm(f"{rows:,} rows will be {what}. Go on?", abort=True)


@app.command(name="list")
def list_rows(
    stream: StreamNames = None,
    rule: Rules = None,
    status: Statuses = None,
    older_than: OlderThan = "",
    limit: Annotated[int, typer.Option(help="Rows to show; 0 = all.", min=0)] = 200,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    values: Values = False,
    purpose: Purpose = "looking at quarantined rows",
) -> None:
    """What waits in quarantine, the oldest first: which record, which rule, why, since when. No personal data.

    Without --status only rows that are open: new, held (their owner or customer is unknown) and mended. With --values
    the whole rows are written, as --json or, of one stream, as --csv: correct them and hand the file to `edit --file`.
    """
    if values and not (as_json or as_csv):
        raise ConfigError("Whole rows do not fit into a table.", todo="Say --json or --csv, or use `show N --values`.")
    choice = chosen((), stream, rule, status, older_than).among(*OPEN)
    if values and as_csv and len(choice.streams) != 1:
        raise ConfigError("A CSV of whole rows has the columns of one stream.", todo="Say which: --stream NAME.")
    engine, _ = open_warehouse()
    with engine.begin() as connection:
        total = lines.count(connection, choice)
        rows = lines.listed(connection, choice, limit, values=values)
        if values:
            numbers = [row["quarantine_id"] for row in rows]
            looked.at_quarantined_rows(connection, who=who(), purpose=purpose, ids=numbers)
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row, default=_json, ensure_ascii=False))
    elif as_csv and values:
        columns = STREAMS[choice.streams[0]].columns
        told = ([row["quarantine_id"], row["rule"], row["reason"], *(row["row"][c] for c in columns)] for row in rows)
        spreadsheet.write(sys.stdout, ["quarantine_id", "rule", "reason", *columns], told)
    elif as_csv:
        spreadsheet.write(sys.stdout, list(SHOWN), ([tell(row) for tell in SHOWN.values()] for row in rows))
    else:
        out.print(_table(list(SHOWN), [[tell(row) for tell in SHOWN.values()] for row in rows], "Nothing waits."))
    if limit and total > limit:
        err.print(f"Only the first {limit:,} of {total:,} rows are shown; --limit 0 shows all.")


@app.command()
def show(
    number: Annotated[int, typer.Argument(metavar="ID", help="The row's number, as `list` shows it.")],
    values: Values = False,
    purpose: Purpose = "looking at a quarantined row",
) -> None:
    """One row: why it is here, what was done with it and by whom. Its cells only with --values."""
    engine, _ = open_warehouse()
    with engine.begin() as connection:
        line = lines.show(connection, number)
        told = lines.values(connection, number) if values else None
        if values:
            looked.at_quarantined_rows(connection, who=who(), purpose=purpose, ids=[number])
    for name, value in line.about.items():
        if value is not None:
            out.print(f"[bold]{name.replace('_', ' '):<14}[/]", plain(lines.days(value) if name == "age" else value))
    out.print("[bold]filled        [/]", plain(", ".join(line.filled)))
    if line.mended_columns:
        out.print("[bold]mended        [/]", plain(", ".join(line.mended_columns)))
    if line.replays:
        out.print("[bold]replays       [/]", plain(", ".join(f"batch {number}" for number in line.replays)))
    if line.history:
        done = [[c.at, c.who, f"{c.was} → {c.status}", ", ".join(c.columns or ()), c.reason] for c in line.history]
        out.print(_table(["when", "who", "status", "columns", "why"], done, ""))
    if told:
        payload, mended = told
        cells = [[name, payload[name], (mended or payload)[name]] for name in payload]
        out.print(_table(["column", "as it came", "as it stands"], cells, ""))


@app.command()
def ageing(as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """How long rows have waited, by stream, rule and status; and which limits of the settings that passes."""
    engine, settings = open_warehouse()
    with engine.begin() as connection:
        rows = ages.report(connection)
        warnings = ages.waiting(connection, settings)["warnings"]
    names = ["stream", "rule", "status", "rows", *ages.BUCKETS, "oldest_days"]
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row))
    elif as_csv:
        spreadsheet.write(sys.stdout, names, ([row[name] for name in names] for row in rows))
    else:
        heads = ["stream", "rule", "status", "rows", *ages.BUCKETS.values(), "oldest days"]
        out.print(_table(heads, [[row[name] or None for name in names] for row in rows], "Nothing waits."))
    for warning in warnings:
        err.print(f"[bold yellow]Warning[/] {warning}", soft_wrap=True)


def _table(names: Sequence[str], rows: Sequence[Sequence[Any]], nothing: str) -> Table | str:
    if not rows:
        return nothing
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for position, name in enumerate(names):
        number = all(isinstance(row[position], int | None) for row in rows)
        table.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(plain(f"{cell:%F %T}" if isinstance(cell, datetime) else cell) for cell in row))
    return table


def _json(value: Any) -> Any:
    """Instants and ages for JSON: ISO 8601, seconds."""
    return value.isoformat() if isinstance(value, datetime) else int(value.total_seconds())
