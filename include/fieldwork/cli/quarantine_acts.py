"""What changes quarantined rows: ``edit``, ``dismiss``, ``replay``; each tells how many rows before it does so."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import sqlalchemy as sa
import typer

from fieldwork import failpoint, spreadsheet
from fieldwork.errors import ConfigError
from fieldwork.quality import lines
from fieldwork.quality import mend as mending
from fieldwork.quality.cells import Given
from fieldwork.quality.choice import OPEN, Choice
from fieldwork.settings import Settings
from fieldwork.warehouse import ledger
from fieldwork.warehouse.schema import ops

from .console import bars, out
from .journey import ended_in_ledger, may_go_on, publish_touched
from .quarantine import OlderThan, Rules, Statuses, StreamNames, Yes, agree, chosen, who
from .summary import show_run
from .warehouse import open_warehouse

Numbers = Annotated[list[int] | None, typer.Argument(metavar="ID", help="Numbers of rows, as `list` shows them.")]
All = Annotated[bool, typer.Option("--all", help="Every row that is open.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(edit)
    app.command()(dismiss)
    app.command()(replay)


def edit(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID|COLUMN=VALUE", help="Rows by number, then what their cells should hold."),
    ] = None,
    stream: StreamNames = None,
    rule: Rules = None,
    status: Statuses = None,
    older_than: OlderThan = "",
    file: Annotated[
        Path | None,
        typer.Option(help="Many rows at once: CSV or JSON lines with a quarantine_id, as `list --values` writes them."),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; stands in the row's history.")] = "",
    yes: Yes = False,
) -> None:
    """Mend cells of quarantined rows: `edit 17 kind=in`, or `edit kind=in --rule punches.kind_known` for all of a rule.

    Values are typed by the stream's columns (instants with their offset, empty = unknown); what cannot be typed is
    refused and nothing is changed. The row as it came is kept beside the mended one. Then: `replay`.
    """
    numbers, cells = _numbers_and_cells(words or ())
    choice = chosen(numbers, stream, rule, status, older_than)
    if file is not None and (cells or not choice.says_nothing):
        raise ConfigError("A file says itself which rows and cells.", todo="Give either --file or rows and cells.")
    if file is None and (choice.says_nothing or not cells):
        raise ConfigError("Which rows, and which cells?", todo="E.g. `fieldwork quarantine edit 17 kind=in`.")
    engine, _ = open_warehouse()
    with engine.begin() as connection:
        changes: Mapping[int, Mapping[str, Given]]
        if file is not None:
            changes = dict(_read(file))
        else:
            rows = numbers or lines.ids(connection, choice.among(*OPEN))
            changes = dict.fromkeys(rows, cells)
        if file is not None or not numbers:
            agree(len(changes), "mended", yes)
        mending.act(connection, who(), reason or None)
        changed = mending.mend(connection, changes)
    out.print(f"{changed:,} of {len(changes):,} rows are mended. Next: [bold]fieldwork quarantine replay[/]")


def dismiss(
    numbers: Numbers = None,
    reason: Annotated[str, typer.Option(help="Why the rows do not matter; stands in their history.")] = "",
    all_: All = False,
    stream: StreamNames = None,
    rule: Rules = None,
    status: Statuses = None,
    older_than: OlderThan = "",
    undo: Annotated[bool, typer.Option("--undo", help="Take a dismissal back: the rows wait again.")] = False,
    yes: Yes = False,
) -> None:
    """Say that rows do not matter: `dismiss 17 --reason "test punch"`. They stay here, and stay so when read again."""
    if not undo and not reason.strip():
        raise ConfigError("A dismissal needs a reason.", todo='E.g. --reason "test punches of the new terminal".')
    choice = _some(chosen(numbers or (), stream, rule, status, older_than), all_, "dismiss")
    engine, _ = open_warehouse()
    with engine.begin() as connection:
        if numbers:
            mending.require(connection, tuple(numbers))
        else:
            whose = choice.among(*(("dismissed",) if undo else OPEN))
            agree(lines.count(connection, whose), "open again" if undo else "dismissed", yes)
        mending.act(connection, who(), reason or None)
        changed = mending.undo_dismissal(connection, choice) if undo else mending.dismiss(connection, choice)
    out.print(f"{changed:,} rows are {'open again' if undo else 'dismissed'}.")


def replay(
    numbers: Numbers = None,
    all_: All = False,
    stream: StreamNames = None,
    rule: Rules = None,
    status: Statuses = None,
    older_than: OlderThan = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and load, count, and take all of it back.")] = False,
    write_back: Annotated[
        bool, typer.Option("--write-back", help="Tell the CRM at once. Default: the next daily run does.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Send rows through again: check, load, build, audit, publish. Without rows or options: all that was mended.

    Rows that are still bad come back with what is wrong now. A row whose record came again later is not replayed: it is
    superseded. When a rule was mended: `replay --rule RULE --status new`.
    """
    choice = chosen(numbers or (), stream, rule, status, older_than)
    choice = choice.among(*OPEN) if all_ else choice.among("mended")
    engine, settings = open_warehouse()
    failpoint.arm(settings.failpoint)
    if not dry_run:
        _go_on(engine, settings, write_back)
    with engine.connect() as connection:
        rows = lines.count(connection, choice)
    if not numbers and not dry_run:
        agree(rows, "sent through again", yes)
    if not rows and not numbers:
        out.print("No row is to be replayed. `fieldwork quarantine list` shows what waits.")
        return
    from fieldwork.steps.replay import choose
    from fieldwork.steps.replay import replay as step

    run_id = f"replay-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"
    with ledger.held(engine, run_id), bars() as progress:
        choose(engine, settings, run_id=run_id, choice=choice, who=who(), dry_run=dry_run)
        with ended_in_ledger(engine, settings, run_id):
            result = step(engine, settings, run_id=run_id, who=who(), progress=progress)
            if not dry_run:
                publish_touched(engine, settings, run_id, write_back=write_back, progress=progress)
    _tell(engine, run_id, result)


def _go_on(engine: sa.Engine, settings: Settings, write_back: bool) -> None:
    """Publish what a replay loaded that was cut short afterwards: its rows are through, their days are not."""
    r, b = ops.run.c, ops.batch.c
    loaded = sa.exists().where(b.run_id == r.run_id, b.kind == "replay", b.state == "closed")
    short = [r.kind == "replay", r.run_id.like("replay-%"), r.state != "done", sa.not_(r.dry_run), loaded]
    with engine.connect() as connection:
        found = connection.execute(sa.select(r.run_id, r.error).where(*short).order_by(r.started_at)).all()
    runs = [run.run_id for run in found if may_go_on(run.error)]
    for run_id in runs:
        with ledger.held(engine, run_id), bars() as progress, ended_in_ledger(engine, settings, run_id):
            publish_touched(engine, settings, run_id, write_back=write_back, progress=progress)
        out.print(f"{run_id} had been cut short; its days are published now.")


def _tell(engine: sa.Engine, run_id: str, result: Mapping[str, Any]) -> None:
    through = sum(c["loaded"] + c["unchanged"] for c in result.values() if isinstance(c, dict) and "loaded" in c)
    bad = ", ".join(f"{rows:,} by {rule}" for rule, rows in result["still_bad"].items())
    if result.get("dry_run"):
        out.print(
            f"Rehearsed: {through:,} rows would go through and touch {result['person_days']:,} person-days;"
            f" still bad: {bad or 'none'}. Nothing was changed."
        )
        return
    show_run(engine, run_id)
    out.print(
        f"{through:,} rows went through, {result['person_days']:,} person-days touched. Still bad: {bad or 'none'}."
    )


def _some(choice: Choice, all_: bool, what: str) -> Choice:
    if choice.says_nothing and not all_:
        raise ConfigError(f"Which rows to {what}?", todo="Name them by number, by --stream, --rule … or say --all.")
    return choice


def _numbers_and_cells(words: Sequence[str]) -> tuple[list[int], dict[str, Given]]:
    numbers: list[int] = []
    cells: dict[str, Given] = {}
    for word in words:
        name, given, value = word.partition("=")
        if given:
            cells[name.strip()] = value
        elif word.isdecimal():
            numbers.append(int(word))
        else:
            raise ConfigError(f"{word!r} is neither a row's number nor COLUMN=VALUE.", todo="E.g. 17 kind=in.")
    return numbers, cells


def _read(file: Path) -> Iterator[tuple[int, dict[str, Given]]]:
    """Rows of a file of mended cells; raises ConfigError that names the line."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read ({type(error).__name__}).", todo="Give a UTF-8 file.") from None
    rows = _json_lines(text) if text.lstrip()[:1] == "{" else _csv_lines(text)
    for line, row in rows:
        number = str(row.pop("quarantine_id", ""))
        if not number.isdecimal():
            raise ConfigError(
                f"{file.name}, line {line}: there is no quarantine_id.", todo="Name the row by its number."
            )
        cells = row.pop("row", row)
        yield int(number), {name: cell for name, cell in cells.items() if name != "parse_error" or not cell}


def _json_lines(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, content in enumerate(text.splitlines(), start=1):
        if content.strip():
            try:
                row = json.loads(content)
            except ValueError:
                row = None
            if not isinstance(row, dict):
                raise ConfigError(f"Line {line} is no JSON object.", todo="Write one object a line.")
            yield line, row


def _csv_lines(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(text.splitlines(keepends=True))
    for row in reader:
        if None in row or None in row.values():
            raise ConfigError(
                f"Line {reader.line_num} has other cells than the header.", todo="Quote cells with commas."
            )
        yield reader.line_num, {n: spreadsheet.restore(c) for n, c in row.items() if n not in {"rule", "reason"}}
