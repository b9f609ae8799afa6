"""Commands of the sandbox: ``up``, ``down``, ``status``, ``truth``, ``score``, ``export``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from fieldwork import settings as settings_module
from fieldwork.errors import ConfigError

from .console import out

if TYPE_CHECKING:
    from fieldwork.sandbox.company import Company
    from fieldwork.sandbox.up import Running

app = typer.Typer(
    no_args_is_help=True,
    help="A small invented company, with servers that speak DingTalk and Salesforce. Nothing leaves this machine.\n\n"
    "Start it with `up`, let `fieldwork run` read it, see with `score` how near the warehouse comes to the truth.",
)

Folder = Annotated[Path | None, typer.Option(help="Folder of CSV files, one a stream, instead of the invented city.")]
People = Annotated[int, typer.Option(min=8, help="People in the city.")]
Days = Annotated[int, typer.Option(min=1, help="Days that it has lived.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed and options give the same city to the byte.")]
Start = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The city's first day.")]
Faults = Annotated[
    str,
    typer.Option(help="none: perfect records. usual: the noise of real systems. storm: bad rows and failing servers."),
]
OutDir = Annotated[Path, typer.Option("--out", help="Folder to write; made if it is not there.")]


@app.command()
def up(
    data: Folder = None,
    people: People = 60,
    days: Days = 14,
    seed: Seed = 20261102,
    start: Start = None,
    faults: Faults = "usual",
    rate: Annotated[float, typer.Option(min=0, help="DingTalk's calls a second per API; 0 = no limit.")] = 20,
    latency_ms: Annotated[int, typer.Option(min=0, help="Wait so long before each answer.")] = 0,
    attendance_port: Annotated[int, typer.Option(help="Port of DingTalk; 0 = any free one.")] = 0,
    crm_port: Annotated[int, typer.Option(help="Port of Salesforce; 0 = any free one.")] = 0,
    detach: Annotated[bool, typer.Option("--detach", help="Return when it is ready; `down` ends it.")] = False,
) -> None:
    """Start both servers; a sandbox that runs with other options is replaced.

    They listen on 127.0.0.1. Airflow connections that lead there are written to sandbox/connections.json in the state
    directory: name that file in FIELDWORK_CONNECTIONS. What is written to the CRM is kept for the next `up`.
    """
    from fieldwork.sandbox import up as sandbox

    home = settings_module.load().home
    options: dict[str, Any] = {
        "people": people, "days": days, "seed": seed, "faults": faults, "rate": rate, "latency_ms": latency_ms,
        "attendance_port": attendance_port, "crm_port": crm_port,
    }  # fmt: skip
    first = start.date() if start else None
    if detach:
        _show(sandbox.up(home, data=data, start=first, **options))
        return
    sandbox.down(home)
    out.print("Getting ready …")
    sandbox.serve(home, sandbox.options_of(data=data, start=first, **options), announce=_show_until_stopped)
    out.print("Stopped.")


@app.command()
def down() -> None:
    """End the sandbox of this state directory. What was written to its CRM is kept."""
    from fieldwork.sandbox import up as sandbox

    ran = sandbox.down(settings_module.load().home)
    out.print("Stopped." if ran else "No sandbox was running.")


@app.command()
def status() -> None:
    """Say where the sandbox listens, what it serves and which calls it has answered. Exit code 1: none runs."""
    from fieldwork.sandbox import up as sandbox

    running = sandbox.status(settings_module.load().home)
    if running is None:
        out.print("No sandbox is running. Start one: fieldwork sandbox up --detach", soft_wrap=True)
        raise typer.Exit(1)
    _show(running)
    calls = {**sandbox.ask(running.attendance_url, "calls"), **sandbox.ask(running.crm_url, "calls")}
    table = Table("path", "calls")
    table.columns[1].justify = "right"
    for path, count in sorted(calls.items()):
        table.add_row(path, f"{count:,}")
    if calls:
        out.print(table)


@app.command()
def truth(out_dir: OutDir) -> None:
    """Write what really happened in the city that runs: the numbers that a perfect warehouse would hold."""
    from fieldwork.sandbox.files import write_truth

    write_truth(_city(), out_dir)
    out.print(f"The truth is in {out_dir}.", soft_wrap=True)


@app.command()
def score() -> None:
    """Compare the warehouse with what really happened in the city that runs, number by number.

    Check-ins matched to visits are told as precision, recall and F1, beside two plain ways to match the same records:
    each check-in to the visit nearest in time, or nearest in distance. Every match that is missed has its reason.
    """
    from fieldwork.sandbox.score import render
    from fieldwork.sandbox.score import score as compare

    from .warehouse import open_warehouse

    city = _city()
    engine, _ = open_warehouse()
    out.print(render(compare(engine, city.truth)))


@app.command()
def export(out_dir: OutDir) -> None:
    """Write the company that runs as CSV files, one a stream: the form that `up --data` reads."""
    from fieldwork.sandbox.files import write_company

    write_company(_company(), out_dir)
    out.print(f"The company is in {out_dir}.", soft_wrap=True)


def _company() -> Company:
    """What the running sandbox serves; raises ConfigError when none runs."""
    from fieldwork.sandbox import up as sandbox

    running = sandbox.status(settings_module.load().home)
    if running is None:
        raise ConfigError("No sandbox is running.", todo="Start one: fieldwork sandbox up --detach.")
    return running.options.company()


def _city() -> Company:
    """The same, if it is an invented one; raises ConfigError for files, of which nobody knows the truth."""
    company = _company()
    if not company.truth:
        raise ConfigError(
            "The sandbox serves a company from files: what really happened there is not known.",
            todo="Start the invented city: fieldwork sandbox up --detach, without --data.",
        )
    return company


def _show(running: Running) -> None:
    out.print(f"{running.people:,} people, {running.since} to {running.until} (not included)")
    out.print(f"DingTalk    [bold]{running.attendance_url}[/]")
    out.print(f"Salesforce  [bold]{running.crm_url}[/]")


def _show_until_stopped(running: Running) -> None:
    _show(running)
    out.print("Ready. Ctrl-C stops it.")
