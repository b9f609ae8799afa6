"""Commands about the checks: ``checks lint``, ``list``, ``run``, ``results``, ``show``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from fieldwork import settings as settings_module
from fieldwork.errors import ConfigError
from fieldwork.quality import suites
from fieldwork.quality.outcome import RuleOutcome, require_run
from fieldwork.quality.results import names
from fieldwork.quality.suites import DATASETS

from .console import err, out
from .person import login
from .summary import answer, shown, table_of
from .warehouse import open_warehouse

app = typer.Typer(
    no_args_is_help=True,
    help="The rules of expectations/: look them over, try them, and see what they said.\n\n"
    "A rule is a Great Expectations expectation in JSON. To add one: write it, `lint` the folder, `run` it on a batch.",
)

Folder = Annotated[Path | None, typer.Option("--expectations", help="Folder of the suites. Default: the configured.")]
Dataset = Annotated[str, typer.Argument(help=f"One of: {', '.join(DATASETS)}.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="Rows to show.")]


@app.command(name="lint")
def lint_suites(expectations: Folder = None) -> None:
    """Look over the suites: types, columns, parameters, severities, ids, nulls. Exit code 1 when something is wrong."""
    from fieldwork.quality import lint

    folder = expectations or settings_module.load().expectations
    findings = lint.lint(folder)
    if findings:
        rows = [(f.file, f.rule or None, f.problem) for f in findings]
        _print(f"{len(findings)} problems in {folder}", ("file", "rule", "problem"), rows)
        raise typer.Exit(1)
    out.print(f"{folder}: nothing is wrong.")


@app.command(name="list")
def list_rules(
    dataset: Annotated[str, typer.Argument(help=f"One of: {', '.join(DATASETS)}. Default: all.")] = "",
    expectations: Folder = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """List the rules: id, severity, what each expects. A held row waits until its owner or customer is known."""
    folder = expectations or settings_module.load().expectations
    for name in [_known(dataset)] if dataset else DATASETS:
        rules = suites.read(folder, name).rules
        if as_json:
            for rule in rules:
                told = {"rule": rule.id, "severity": rule.severity, "held": rule.held, "expects": rule.description}
                typer.echo(json.dumps(told, ensure_ascii=False))
        else:
            rows = [(r.id, f"{r.severity}, held" if r.held else r.severity, r.description) for r in rules]
            _print(name, ("rule", "severity", "expects"), rows)


@app.command()
def run(
    dataset: Dataset,
    batch: Annotated[
        int | None, typer.Option(help="Number of the batch (ops.batch); a joined table needs none.")
    ] = None,
    suite: Annotated[Path | None, typer.Option(help="A suite file to try instead of the one in the folder.")] = None,
    expectations: Folder = None,
    limit: Limit = 5,
) -> None:
    """Try a suite; nothing moves, nothing is recorded. Exit code 1 when a critical rule fails.

    A batch whose staged rows are gone (it is closed) is tried on what core still holds of it. A joined table is tried
    on its published rows.
    """
    from fieldwork.steps import try_suite

    engine, settings = open_warehouse()
    folder = expectations or settings.expectations
    rules = suites.read_file(suite, _known(dataset)) if suite else suites.read(folder, _known(dataset))
    if batch is None:
        trial = try_suite.try_joined(engine, settings, rules, rows_named=limit)
    else:
        trial = try_suite.try_batch(engine, settings, rules, batch, rows_named=limit)
    title = f"{dataset}: {trial.rows:,} rows, {trial.looked_at}"
    rows = [_told(o) for o in sorted(trial.outcomes, key=lambda o: o.outcome == "passed")]
    _print(title, ("rule", "severity", "outcome", "failing", "of", "first keys"), rows)
    require_run(trial.outcomes, dataset)
    if any(o.severity == "critical" and o.outcome == "failed" for o in trial.outcomes):
        raise typer.Exit(1)


@app.command()
def results(
    run_id: Annotated[str, typer.Option("--run", help="The run. Default: the newest that was checked.")] = "",
    failed: Annotated[bool, typer.Option("--failed", help="Only rules that failed or could not run.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, one line a rule.")] = False,
) -> None:
    """What the rules said of a run: counts, and the keys of a few rows that broke them; never other values.

    The table shows the first five keys, JSON all that are kept (20).
    """
    engine, _ = open_warehouse()
    columns, rows = answer(engine, "check_results.sql", run_id)
    lines = [dict(zip(columns, row, strict=True)) for row in rows]
    run = run_id or (lines[0]["run_id"] if lines else "no run")
    lines = [one for one in lines if not failed or one["outcome"] != "passed"]
    if as_json:
        for one in lines:
            typer.echo(json.dumps(one, ensure_ascii=False, default=str))
        return
    cells = [[_few(cell) if isinstance(cell, list) else cell for cell in list(one.values())[1:]] for one in lines]
    if cells:
        _print(run, columns[1:], cells)
    else:
        out.print(f"{shown(run)}: no rule was checked, or none failed.", soft_wrap=True)


@app.command()
def show(
    rule: Annotated[str, typer.Option(help="The rule, e.g. punches.kind_known.")],
    batch: Annotated[int | None, typer.Option(help="Number of the batch (ops.batch).")] = None,
    run_id: Annotated[str, typer.Option("--run", help="The run, for rules about days and fields.")] = "",
    limit: Limit = 20,
    values: Annotated[bool, typer.Option("--values", help="The rows themselves: personal data; it is noted.")] = False,
    why: Annotated[str, typer.Option(help="What you need the values for; it is noted with your login.")] = "",
) -> None:
    """Show the rows that break a rule: key and reason. In staging while a batch waits, else in the quarantine."""
    from fieldwork.steps import show_failing

    if values and not why:
        raise ConfigError("Values are personal data.", todo='Say what you need them for: --why "ticket 123".')
    engine, settings = open_warehouse()
    purpose = show_failing.Purpose(login(), why) if values else None
    found = show_failing.find(engine, settings, rule, batch_id=batch, run_id=run_id, limit=limit, purpose=purpose)
    if found.rows:
        _print(found.title, found.columns, found.rows)
    else:
        out.print(f"{shown(found.title)}: no row.", soft_wrap=True)
    if found.more:
        err.print(f"There are {found.more:,} more; --limit shows up to 1,000.")


def _print(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A title as long as it is, over a table as wide as it needs to be."""
    out.print(f"[bold]{shown(title)}[/]", soft_wrap=True)
    out.print(table_of("", columns, rows))


def _few(keys: Sequence[str]) -> str:
    """The first keys, for a table; all that are kept are in the JSON."""
    return ", ".join(keys[:5]) + (", …" if len(keys) > 5 else "")


def _known(dataset: str) -> str:
    if dataset not in DATASETS:
        raise ConfigError(f"There is no dataset {dataset!r}.", todo=f"Choose among: {', '.join(DATASETS)}.")
    return dataset


def _told(outcome: RuleOutcome) -> tuple[Any, ...]:
    keys = _few([name.partition(" ")[2] or name for name in names(outcome)]) or outcome.problem
    return outcome.rule, outcome.severity, outcome.outcome, outcome.failing, outcome.total, keys
