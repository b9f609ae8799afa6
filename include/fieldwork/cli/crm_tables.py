"""How the commands about the CRM show what they found: a table for a person, or JSON for a program."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from fieldwork.streams import TEXT
from fieldwork.writeback.conflicts import Conflict
from fieldwork.writeback.fields import FIELDS

from .console import out


def as_json(value: Any) -> None:
    """One JSON document on standard output."""
    typer.echo(json.dumps(value, ensure_ascii=False, default=str))


def rows(title: str, found: Sequence[Mapping[str, Any]], nothing: str, aside: Collection[str] = ()) -> None:
    """Rows as a table; columns that say nothing in any row, and those ``aside``, are left out."""
    if not found:
        out.print(f"[bold]{title}[/]: {nothing}")
        return
    found = [{name: value for name, value in row.items() if name not in aside} for row in found]
    names = [name for name in found[0] if any(row[name] not in (None, 0) for row in found)]
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in names:
        number = all(isinstance(row[name], int | None) and not isinstance(row[name], bool) for row in found)
        table.add_column(name.replace("_", " "), justify="right" if number else "left")
    for row in found:
        table.add_row(*(cell(row[name]) for name in names))
    out.print(table)


def counts(title: str, by_kind: Mapping[str, Mapping[str, Any]], nothing: str) -> None:
    """Numbers by kind, those that are not zero."""
    found = [
        {"kind": kind, **{name: n for name, n in numbers.items() if isinstance(n, int) or n is None}}
        for kind, numbers in by_kind.items()
    ]
    told = [row for row in found if any(value for name, value in row.items() if name != "kind")]
    rows(title, told, nothing)


def changes(title: str, sample: Mapping[str, Mapping[str, Sequence[Any]]]) -> None:
    """Old and new values of a few records."""
    if not sample:
        return
    table = Table("record", "field", "now", "then", title=title, title_justify="left", title_style="bold",
                  box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))  # fmt: skip
    for key, fields in sample.items():
        shown = key
        for field, (old, new) in sorted(fields.items()) or [("(the record)", ("there", "deleted"))]:
            table.add_row(escape(shown), field, cell(old), cell(new))
            shown = ""
    out.print(table)


def conflict(one: Conflict, *, values: bool) -> dict[str, Any]:
    """A conflict as a row. What people typed as text may be anything: it is shown only when asked for."""
    typed = FIELDS.get(one.kind, {}).get(one.field) == TEXT and one.theirs is not None
    theirs = one.theirs if values or not typed else f"(a text of {len(str(one.theirs))} characters)"
    return {
        "id": one.conflict_id, "kind": one.kind, "record": one.key, "field": one.field, "reason": one.reason,
        "we_sent": one.sent, "theirs": theirs, "we_want": one.wanted, "found_at": one.found_at,
    }  # fmt: skip


def cell(value: Any) -> str:
    """One value as it stands in a table."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%F %H:%M}Z"
    return f"{value:,}" if isinstance(value, int) else escape(str(value))
