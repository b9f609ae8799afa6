"""``report``: pages for people."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

import typer

from fieldwork.quality.page import facts, render

from .console import out
from .journey import newest_run
from .warehouse import open_warehouse

app = typer.Typer(no_args_is_help=True, help="Pages for people: one HTML file each, for a browser or a printer.")


@app.command()
def run(
    run_id: Annotated[str, typer.Argument(help="The run, as in ops.run. Default: the newest daily run.")] = "",
    file: Annotated[
        Path | None, typer.Option("--out", help="File to write. Default: reports/ in the state directory.")
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
) -> None:
    """Write the page of a run: what came, what was set aside and why, the last runs beside it.

    One self-contained file with no script; it holds counts, rules and record ids, and no personal data.
    """
    engine, settings = open_warehouse()
    found = facts.collect(engine, settings, run_id or newest_run(engine))
    name = re.sub(r"[^A-Za-z0-9.-]+", "_", found.run["run_id"]).strip("._")
    target = file or settings.home / "reports" / f"{name}.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as page:
        page.write(render.page(found, settings.time_zone))
    out.print(str(target), soft_wrap=True, markup=False)
    if open_:
        typer.launch(target.resolve().as_uri())
