"""The command ``fieldwork``: every step, the warehouse and the sandbox without a scheduler. ``fieldwork --help``."""

from __future__ import annotations

import logging
import sys

import typer

from fieldwork import __version__
from fieldwork.errors import ConfigError, FieldworkError

from . import (
    checks,
    crm,
    demo,
    explain,
    identity,
    journey,
    pages,
    quarantine,
    quarantine_acts,
    rebuild,
    reconcile,
    report,
    rules,
    sandbox,
    warehouse,
    webhooks,
)
from .console import problem

app = typer.Typer(
    name="fieldwork",
    help="Fieldwork (外勤): attendance joined with the CRM, checked, kept, and written back.",
    epilog="Try it: make demo. Settings and connections: docs/settings.md.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(checks.app, name="checks")
app.add_typer(crm.app, name="crm")
app.add_typer(explain.app, name="explain")
app.add_typer(rules.app, name="rules")
app.add_typer(sandbox.app, name="sandbox")
app.add_typer(identity.app, name="identity")
quarantine_acts.register(quarantine.app)
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(report.app, name="report")
app.add_typer(webhooks.app, name="webhooks")
journey.register(app)
rebuild.register(app)
reconcile.register(app)
warehouse.register(app)
demo.register(app)
pages.register(app)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"fieldwork {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version and stop."),
) -> None:
    pass


def main() -> None:
    """Entry point: a FieldworkError becomes a message and exit code 1 (2: wrong use), never a traceback."""
    logging.disable(logging.INFO)  # libraries tell of their temporary folders; bars and tables say what we did
    try:
        app()
    except FieldworkError as error:
        problem(error)
        sys.exit(2 if isinstance(error, ConfigError) else 1)
