"""``demo``: the whole journey on the sandbox, with real Airflow; ``clean``: all of it gone."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from fieldwork import settings as settings_module
from fieldwork.settings import ROOT, Settings
from fieldwork.warehouse import server

from .console import bars, out
from .summary import show_run
from .warehouse import open_warehouse

DAG = "performance_daily"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(demo)
    app.command()(clean)


def demo(
    data: Annotated[Path | None, typer.Option(help="Folder of CSV files (<stream>.csv) instead of the city.")] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day. Default: the data's.")
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="First day not included. Default: after the data's last."),
    ] = None,
    people: Annotated[int, typer.Option(help="People in the city.", min=1)] = 60,
    days: Annotated[int, typer.Option(help="Days of the city.", min=1)] = 14,
    seed: Annotated[int, typer.Option(help="Another seed is another city.")] = 20261102,
    faults: Annotated[str, typer.Option(help="What goes wrong in the city: none, usual or storm.")] = "usual",
) -> None:
    """Run the DAG performance_daily on the sandbox: real servers, a real warehouse, and back into the CRM.

    Run it twice: the second time changes nothing and sends nothing.
    """
    from fieldwork.sandbox.up import up as sandbox_up

    settings = settings_module.load()
    city: dict[str, Any] = {"people": people, "days": days, "seed": seed, "faults": faults}
    company: dict[str, Any] = {"data": str(data.resolve())} if data else city
    out.rule("[bold]Fieldwork: attendance joined with the CRM")
    sandbox = sandbox_up(settings.home, data=data, **city)
    first = since.date() if since else sandbox.since
    last = until.date() if until else sandbox.until
    _write_profile(settings, company, _rehearsal_now(settings, last))
    engine, settings = open_warehouse(fill_empty=True)
    from fieldwork.orchestration.dag_run import run_dag

    with bars() as progress:
        outcome = run_dag(
            DAG, {"since": str(first), "until": str(last)}, settings=settings, progress=progress, retry_delay=2
        )
    show_run(engine, outcome.run_id)
    _look_further(settings)


def _rehearsal_now(settings: Settings, until: date) -> str | None:
    """A city that is still to come is looked at from its end; anything else from the clock."""
    end = datetime.combine(until, time(), settings.time_zone) + timedelta(
        hours=settings.section("extract")["tail_hours"]
    )
    return None if end <= datetime.now(UTC) else end.isoformat()


def _write_profile(settings: Settings, company: dict[str, Any], now: str | None) -> None:
    """Point every later command at this company: a database, connections and a roster of its own."""
    name = hashlib.sha256(json.dumps(company, sort_keys=True).encode()).hexdigest()[:8]
    profile = {
        "database": f"demo_{name}",
        "connections": str(settings.home / "sandbox" / "connections.json"),
        "config": str(settings.home / "sandbox" / "company.toml"),
    }
    if now:
        profile["now"] = now
    (settings.home / "profile.json").write_text(json.dumps(profile, indent=1), encoding="utf-8")


def _look_further(settings: Settings) -> None:
    out.rule("[bold]Look further")
    for what, how in (
        ("the warehouse", ".venv/bin/fieldwork psql"),
        ("one question", '.venv/bin/fieldwork sql "select * from report.performance_day limit 5"'),
        ("for a BI tool", ".venv/bin/fieldwork url"),
        ("against the truth", ".venv/bin/fieldwork sandbox score"),
        ("Airflow's pages", "make up"),
        ("all of it gone", "make clean"),
    ):
        out.print(f"  {what:<18} [bold]{how}[/]", soft_wrap=True)
    if settings.home != ROOT / ".fieldwork":
        out.print(f"  with FIELDWORK_HOME={settings.home}", soft_wrap=True)


def clean() -> None:
    """Stop the sandbox and the embedded server, and delete the state directory with all that they hold."""
    from fieldwork.sandbox.up import down

    settings = settings_module.load()
    down(settings.home)
    server.remove(settings.home)
    shutil.rmtree(settings.home, ignore_errors=True)
    out.print(f"{settings.home} is gone.")
