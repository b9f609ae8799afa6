"""``reconcile``: the warehouse compared with its sources, and repaired from them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import Annotated, Any

import sqlalchemy as sa
import typer
from rich import box
from rich.table import Table

from fieldwork.connectors.base import Days, Source
from fieldwork.settings import Settings
from fieldwork.steps.plan import names_in_order
from fieldwork.steps.progress import Progress
from fieldwork.streams import STREAMS
from fieldwork.warehouse import ledger

from .console import bars, err, out, plain
from .journey import DAY, ended_in_ledger, source
from .warehouse import open_warehouse


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(reconcile)


def reconcile(
    since: Annotated[datetime | None, typer.Option(formats=[DAY], help="First day. Default: 35 days ago.")] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=[DAY], help="First day not included. Default: the days planned ahead.")
    ] = None,
    streams: Annotated[str, typer.Option(help=f"Which streams, by commas. Default: all ({', '.join(STREAMS)}).")] = "",
    quick: Annotated[
        bool, typer.Option("--quick", help="Let the source count where it can; read keys only of days that differ.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Read again what is missing, take out what is gone, then compare again.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The findings, one JSON object a line.")] = False,
) -> None:
    """Compare the warehouse with its sources: how many records a day, which are missing here, which are gone there.

    Every finding is named and kept in ops.reconcile_finding. Exit code 1: something differs. Records that came or
    changed after the last run are no difference, and neither is what waits in quarantine.
    """
    from fieldwork.steps import reconcile as steps

    engine, settings = open_warehouse()
    wanted = names_in_order([name.strip() for name in streams.split(",") if name.strip()])
    days = steps.usual_days(settings, since and since.date(), until and until.date())
    sources: dict[str, Source] = {}

    def source_of(side: str) -> Source:
        if side not in sources:
            sources[side] = source(settings, side)
        return sources[side]

    run_id = f"reconcile-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"
    with bars() as progress:
        _compare(engine, settings, source_of, run_id, wanted, days, quick, progress)
        if repair and _findings(engine, run_id):
            from fieldwork.steps.repair import repair as mend

            found = mend(engine, settings, source_of, run_id=f"{run_id}-repair", streams=wanted, progress=progress)
            err.print(f"Repaired by {found['runs']} runs; withdrawn: {found['withdrawn'] or 'nothing'}.")
            sources.clear()  # what a source remembers of its people may be old
            run_id = f"{run_id}-again"
            _compare(engine, settings, source_of, run_id, wanted, days, quick, progress, kind="repair")
    findings = _findings(engine, run_id)
    if as_json:
        for finding in findings:
            typer.echo(json.dumps(finding, default=str))
    else:
        _show(engine, run_id, findings)
    steps.judge(engine, run_id)


def _compare(
    engine: sa.Engine,
    settings: Settings,
    source_of: Callable[[str], Source],
    run_id: str,
    streams: Sequence[str],
    days: Days,
    quick: bool,
    progress: Progress,
    kind: str = "reconcile",
) -> None:
    from fieldwork.steps import reconcile as steps

    steps.begin(engine, settings, run_id=run_id, streams=streams, kind=kind)
    with ledger.held(engine, run_id), ended_in_ledger(engine, settings, run_id):
        for name in streams:
            steps.reconcile_stream(
                engine, settings, source_of(STREAMS[name].side),
                run_id=run_id, stream=name, days=days, quick=quick, progress=progress,
            )  # fmt: skip


def _findings(engine: sa.Engine, run_id: str) -> list[dict[str, Any]]:
    return _ask(engine, "findings.sql", run_id)


def _ask(engine: sa.Engine, file: str, run_id: str) -> list[dict[str, Any]]:
    query = files(__package__).joinpath("sql", file).read_text(encoding="utf-8")
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(sa.text(query), {"run_id": run_id}).mappings()]


def _show(engine: sa.Engine, run_id: str, findings: Sequence[dict[str, Any]]) -> None:
    out.print(_table("Records by stream", _ask(engine, "compared_by_stream.sql", run_id)))
    uneven = _ask(engine, "uneven_days.sql", run_id)
    if uneven:
        out.print(_table("Days that differ", uneven))
    out.print(_table("Findings", findings) if findings else "[bold]Findings[/]: none")


def _table(title: str, rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in rows[0] if rows else ():
        number = all(isinstance(row[name], int | None) for row in rows)
        table.add_column(name.replace("_", " "), justify="right" if number else "left")
    for row in rows:
        table.add_row(*(plain(f"{cell:,}" if isinstance(cell, int) else cell) for cell in row.values()))
    return table
