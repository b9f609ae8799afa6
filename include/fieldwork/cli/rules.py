"""Commands of the rules: ``list`` (what holds when), ``plan`` (what a change would do), ``apply`` (let it hold)."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import sqlalchemy as sa
import typer
from rich.markup import escape

from fieldwork import settings as settings_module
from fieldwork.errors import ConfigError
from fieldwork.rules.reference import Changes, Entries, not_applied
from fieldwork.settings import Settings
from fieldwork.steps.change_rules import Plan, apply_rules, plan_rules
from fieldwork.warehouse.schema import ref

from .console import bars, out
from .differences import plain_table, show_counts, show_lines, show_restated, write_csv
from .warehouse import open_warehouse

app = typer.Typer(
    no_args_is_help=True,
    help="The dated rules: what holds when, what a change would do, and let it hold.\n\n"
    "The configuration file is the place of the rules. Write the change there with the date from which it holds, or "
    "into a copy of it; `plan` computes who would change and how, and `apply` makes it so.",
)

Proposal = Annotated[
    Path | None,
    typer.Option("--config", help="A proposed file, read like FIELDWORK_CONFIG. Default: your configuration as it is."),
]
ProposedRoster = Annotated[
    Path | None,
    typer.Option("--roster", help="A proposed roster.csv, read like FIELDWORK_ROSTER. Default: yours as it is."),
]
#: What an entry is called, and the columns that say which one it is.
_NAMES: Final[Mapping[str, Sequence[str]]] = {
    "rule_version": ("version",),
    "shift": ("shift", "valid_from"),
    "roster": ("scope", "subject", "valid_from"),
    "hours": ("scope", "subject", "valid_from"),
    "calendar_day": ("work_date",),
}
_UNSAID: Final = frozenset({"config_hash"})


@app.command(name="list")
def list_rules(config: Proposal = None, roster: ProposedRoster = None) -> None:
    """What holds from when to when, and what the configuration says otherwise and is not applied yet."""
    engine, settings = open_warehouse()
    with engine.connect() as connection:
        rows = connection.execute(sa.select(ref.rule_version).order_by(ref.rule_version.c.valid_from)).mappings().all()
        changes = not_applied(connection, _proposed(settings, config, roster))
    if not rows:
        out.print("No rules hold yet: the first run takes them from the configuration.")
    table = plain_table(
        "Rules that days are computed with", ("version", "from", "until", "index", "differs from the one before")
    )
    for before, row in zip([None, *rows], rows, strict=False):
        weights = ", ".join(f"{name} {weight:g}" for name, weight in row["weights"].items())
        until = "withdrawn" if row["valid_to"] == row["valid_from"] else str(row["valid_to"] or "")
        said = "; ".join(_what_changed(dict(before), dict(row))) if before else ""
        table.add_row(escape(row["version"]), str(row["valid_from"]), until, weights, escape(said))
    out.print(table)
    _show_entries("Not applied yet", changes)
    if changes:
        out.print("See who would change with `fieldwork rules plan`.")


@app.command()
def plan(
    config: Proposal = None,
    roster: ProposedRoster = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write every changed column to this file.")] = None,
    limit: Annotated[int, typer.Option(help="Changes to list.", min=0)] = 20,
) -> None:
    """Who would change and how, if the configuration's rules held: computed for real, published nowhere.

    Looked at are the published person-days whose rules, planned hours, hours system or kind of day would be others.
    Days before a rule's `from` date keep theirs; only where a shift moves near midnight the day before is computed
    again too, because the border between the two working days moves.
    """
    engine, settings = open_warehouse()
    with bars() as progress, plan_rules(engine, _proposed(settings, config, roster), progress=progress) as found:
        _show_plan(found, limit)
        if csv is not None:
            write_csv(found.connection, csv)


@app.command()
def apply(
    yes: Annotated[bool, typer.Option("--yes", help="Do not show the plan and do not ask.")] = False,
) -> None:
    """Let the rules of your configuration hold, and compute the published days that they concern again.

    It shows the plan first and asks. Days that are not concerned are not touched. If it is cut short, give it again, or
    let the next run finish it.
    """
    engine, settings = open_warehouse()
    if not yes:
        with bars() as progress, plan_rules(engine, settings, progress=progress) as found:
            _show_plan(found, limit=20)
            asks = bool(found.changes)
        if asks and not _agreed():
            return
    with bars() as progress:
        done = apply_rules(engine, settings, run_id=f"rules-{datetime.now(UTC):%Y%m%dT%H%M%S}", progress=progress)
    show_restated(done)


def _proposed(settings: Settings, config: Path | None, roster: Path | None) -> Settings:
    """The settings with another configuration or roster file instead of one's own."""
    if config is not None:
        settings = replace(settings, config=settings_module.read_config(config))
    return settings if roster is None else replace(settings, roster_file=roster)


def _show_plan(found: Plan, limit: int) -> None:
    changes = found.changes
    if not changes:
        out.print("The configuration says what holds already.")
        return
    _show_entries("What the configuration says otherwise", changes)
    if not changes.person_days:
        out.print(f"It makes a difference from {changes.first_day} on; no published day is concerned.")
        return
    out.print(
        f"From {changes.first_day} on: {changes.person_days:,} published person-days have other rules or plans;"
        f" {found.person_days:,} were computed."
    )
    show_counts(found.connection)
    show_lines(found.connection, limit)


def _show_entries(title: str, changes: Changes) -> None:
    if not changes:
        return
    table = plain_table(title, ("entry", "change"))
    if changes.lines:
        lines = changes.lines
        said = f"{lines.dates:,} dates of {lines.people:,} people, from {lines.first_day} to {lines.last_day}"
        table.add_row("roster.csv", said)
    entries = changes.entries
    for name, old, new in sorted(entries, key=str):
        row = new or old or {}
        label = " ".join(str(row[column]) for column in _NAMES.get(name, ()) if column in row)
        said = "; ".join(_what_changed(old, new))
        before = _succeeded(name, new, entries) if old is None else None
        if before is not None:
            said += f": {'; '.join(_what_changed(before, new)) or 'the same as before'}"
        table.add_row(escape(f"{name.replace('_', ' ')} {label}"), escape(said))
    out.print(table)


def _succeeded(name: str, new: Mapping[str, Any] | None, entries: Entries) -> Mapping[str, Any] | None:
    """The entry that ends where a new one of the same name begins."""
    own = [column for column in _NAMES.get(name, ()) if column not in ("version", "valid_from")]
    for table, _, other in entries:
        if new is None or other is None or table != name or any(other[column] != new[column] for column in own):
            continue
        if other["valid_to"] == new["valid_from"] != other["valid_from"]:
            return {**other, "valid_to": new["valid_to"]}
    return None


def _what_changed(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Iterator[str]:
    """``column old → new``; an entry that is new or gone says so."""
    if old is None or new is None:
        row = new or old or {}
        yield f"{'new' if new else 'gone'}, from {row.get('valid_from')}"
        return
    for column in new:
        if column not in _UNSAID | {"version", "valid_from"} and old[column] != new[column]:
            yield f"{column} {_said(old[column])} → {_said(new[column])}"


def _said(value: Any) -> str:
    return "open" if value is None else str(value)


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise ConfigError("Nobody is there to say yes.", todo="Look at the plan, then give `--yes`.")
    return typer.confirm("Let these rules hold and compute these days again?")
