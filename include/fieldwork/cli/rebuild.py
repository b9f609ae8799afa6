"""The command ``rebuild``: published days once more from the facts, by the rules of each day."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from fieldwork.steps import rebuild as steps

from .console import bars, out
from .differences import show_counts, show_lines, show_restated
from .journey import DAY
from .warehouse import open_warehouse

First = Annotated[datetime, typer.Option(formats=[DAY], help="First working day.")]
After = Annotated[datetime, typer.Option(formats=[DAY], help="First day not included.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(rebuild)


def rebuild(
    since: First,
    until: After,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would change; nothing is published.")
    ] = False,
    limit: Annotated[int, typer.Option(help="Changes to list in a dry run.", min=0)] = 20,
) -> None:
    """Compute the published days of [since, until) again and publish what differs.

    Nothing should: a day is computed again whenever a fact or a rule of it changes. Do it after an upgrade that mends a
    rule's computation, or to prove that what is published is what the facts say. Month by month; what was published
    before stays in the history.
    """
    engine, settings = open_warehouse()
    span: dict[str, Any] = {"since": since.date(), "until": until.date()}
    with bars() as progress:
        if not dry_run:
            run_id = f"rebuild-{datetime.now(UTC):%Y%m%dT%H%M%S}"
            done = steps.rebuild(engine, settings, run_id=run_id, **span, progress=progress)
            show_restated(done)
            return
        with steps.rehearse(engine, **span, progress=progress) as (connection, days):
            out.print(f"{days:,} person-days were computed; nothing was published.")
            show_counts(connection)
            show_lines(connection, limit)
