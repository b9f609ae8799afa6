"""Commands about what goes back to the CRM: ``status``, ``diff``, ``send``, ``conflicts``, ``rejects``, ``batches``,
``undo``.
"""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import Annotated

import typer

from fieldwork import failpoint
from fieldwork.connectors.base import CrmTarget
from fieldwork.settings import Settings

from . import crm_tables as tables
from .console import bars, err, out
from .warehouse import open_warehouse

app = typer.Typer(
    no_args_is_help=True,
    help="What goes back to the CRM. Fieldwork writes its own fields, nothing else; what people edit there stays.\n\n"
    "`diff` shows what the next run would send, `send` sends it now, `status` says where things stand. `conflicts`"
    " lists the edits that were kept, `rejects` what the CRM refused; `batches` what was sent, and `undo` takes a batch"
    " back.",
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Kind = Annotated[str | None, typer.Option(help="Only this kind of record: visit or performance.")]
Everything = Annotated[
    bool, typer.Option("--full", help="Compare all published rows, not only those published since the last write-back.")
]
Accept = Annotated[
    bool, typer.Option("--accept-mass-change", help="Send although an unusual share of records changes.")
]
Limit = Annotated[int, typer.Option(min=1, help="Rows to show.")]


@app.command()
def status(json: Json = False) -> None:
    """Where write-back stands: what waits, was refused, is in conflict or undone, and the calls of 24 hours."""
    from fieldwork.writeback import reports

    engine, _ = open_warehouse()
    found = reports.status(engine)
    if json:
        tables.as_json(found)
    else:
        tables.rows("Write-back", found, "nothing was written to a CRM yet", ("waiting_since", "looked_until"))


@app.command()
def diff(
    kind: Kind = None,
    limit: Limit = 10,
    full: Everything = False,
    live: Annotated[
        bool, typer.Option("--live", help="Ask the CRM, too: shows which edits of people would be kept. Takes calls.")
    ] = False,
    json: Json = False,
) -> None:
    """What the next write-back would send: numbers, and a sample of changes as old and new. Nothing is sent.

    Without --live, old is what our last write left in the CRM; with it, what stands there now.
    """
    from fieldwork.steps.write_back import rehearse, rehearse_live

    engine, settings = open_warehouse()
    target = _target(settings)
    if live:
        with bars() as progress:
            found = rehearse_live(engine, settings, target, limit=limit, everything=full, progress=progress)
    else:
        found = rehearse(engine, settings, target.system, limit=limit, everything=full)
    found = {name: told for name, told in found.items() if kind in (None, name)}
    if json:
        tables.as_json(found)
        return
    tables.counts(f"What would go to {target.system}", found, "nothing")
    for name, told in found.items():
        tables.changes(f"{name}: {len(told['sample'])} of {told['to_send']:,}", told["sample"])
        if told["stopped"]:
            err.print(f"[bold]It would stop and ask:[/] {told['stopped']}", soft_wrap=True)


@app.command()
def send(
    full: Everything = False,
    accept_mass_change: Accept = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="The same as `diff`.")] = False,
    json: Json = False,
) -> None:
    """Send what differs now, as the nightly run does: corrections first, within the day's share of calls."""
    from fieldwork.steps.write_back import send_difference
    from fieldwork.warehouse import ledger

    if dry_run:
        diff(full=full, json=json)
        return
    engine, settings = open_warehouse()
    target, run_id = _target(settings), _run_id()
    with bars() as progress, ledger.step(engine, run_id, "write_back") as result:
        result.update(
            send_difference(
                engine, settings, target, run_id=run_id, accept_mass_change=accept_mass_change, everything=full,
                progress=progress,
            )
        )  # fmt: skip
    if json:
        tables.as_json(result)
    else:
        tables.counts(f"Written to {target.system}", result, "nothing differs")


@app.command()
def conflicts(
    take_ours: Annotated[
        list[int] | None, typer.Option(help="Let the next run write our value over theirs; may be repeated.")
    ] = None,
    keep_theirs: Annotated[
        list[int] | None, typer.Option(help="Leave theirs and list it no more; may be repeated.")
    ] = None,
    kind: Kind = None,
    limit: Limit = 50,
    values: Annotated[
        bool, typer.Option("--values", help="Show texts that people typed, too; who looks is noted in ops.audit_log.")
    ] = False,
    json: Json = False,
) -> None:
    """Fields that people edited since our last write, and records that the CRM has no more. All of them are left alone.

    A conflict ends by itself when theirs equals ours, when they put back what we sent, or when the field is declared
    ours in [write_back.ours]. Else decide: `--take-ours ID` or `--keep-theirs ID`.
    """
    from fieldwork.writeback import conflicts as room
    from fieldwork.writeback import reports

    engine, _ = open_warehouse()
    for decide, ids in ((room.take_ours, take_ours), (room.keep_theirs, keep_theirs)):
        if ids:
            out.print(f"Decided: {decide(engine, ids, who=_who())}.")
    if take_ours or keep_theirs:
        return
    found = [one for one in room.undecided(engine, limit=limit) if kind in (None, one.kind)]
    if values and found:
        reports.note_look(engine, who=_who(), purpose="fieldwork crm conflicts --values", rows=len(found))
    told = [tables.conflict(one, values=values) for one in found]
    if json:
        tables.as_json(told)
    else:
        tables.rows("Conflicts with people's edits", told, "none")


@app.command()
def rejects(
    kind: Kind = None,
    code: Annotated[str | None, typer.Option(help="Only those with this code of the CRM.")] = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="Let the next run send them again: the CRM, or its rule, was mended.")
    ] = False,
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """Records that the CRM refused, with its own words. They are sent again when they, or the mapping, change."""
    from fieldwork.writeback import reports

    engine, _ = open_warehouse()
    if retry:
        out.print(f"To be sent again: {reports.try_again(engine, kind=kind, code=code, who=_who())}.")
        return
    found = reports.rejects(engine, kind=kind, code=code, limit=limit)
    if json:
        tables.as_json(found)
    else:
        tables.rows("Refused by the CRM", found, "nothing", ("system",))


@app.command()
def batches(limit: Limit = 20, json: Json = False) -> None:
    """The last batches: what each run sent of each kind, and what became of it. A batch can be undone."""
    from fieldwork.writeback import reports

    engine, _ = open_warehouse()
    found = reports.recent_batches(engine, limit=limit)
    if json:
        tables.as_json(found)
    else:
        tables.rows("Batches", found, "none yet", ("system", "run_id", "predicted_calls"))


@app.command()
def undo(
    batch: Annotated[int, typer.Argument(help="Its number, from `fieldwork crm batches`.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would put back.")] = False,
    lift: Annotated[
        bool, typer.Option("--lift", help="BATCH is an undo: let what it took back be sent again by the next run.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    limit: Limit = 10,
    json: Json = False,
) -> None:
    """Take a batch back: what stood before it is put back, records that it made are deleted.

    What people edited since is spared, and so is what a later batch of ours wrote. What was taken back is not sent
    again until its value changes, or until the undo is lifted. The undo is a batch itself, and can be undone.
    """
    from fieldwork.steps.crm_undo import crm_undo, rehearse_undo

    engine, settings = open_warehouse()
    if lift:
        from fieldwork.writeback import undo as room

        out.print(f"Lifted for {room.lift(engine, batch, who=_who()):,} records.")
        return
    plan = rehearse_undo(engine, batch, limit=limit)
    if dry_run and json:
        tables.as_json(plan)
        return
    if not json:
        tables.counts(f"Taking batch {batch} back", {plan["kind"]: plan}, "nothing of it is left to take back")
        tables.changes("A sample", plan["sample"])
    if dry_run or not (plan["put_back"] or plan["delete"]):
        return
    if not yes and not typer.confirm("Put this back in the CRM?", err=True):
        raise typer.Exit(1)
    target = _target(settings)
    with bars() as progress:
        done = crm_undo(engine, settings, target, number=batch, run_id=_run_id(), progress=progress)
    if json:
        tables.as_json(done)
    else:
        tables.counts(f"Taken back in {target.system}", {done["kind"]: done}, "nothing")


def _target(settings: Settings) -> CrmTarget:
    """The CRM of the Airflow connection ``fieldwork_crm``."""
    from fieldwork.orchestration.environment import prepare_environment

    failpoint.arm(settings.failpoint)
    prepare_environment(settings)
    from fieldwork.orchestration.sessions import open_target

    return open_target(settings)


def _run_id() -> str:
    return f"crm-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"


def _who() -> str:
    return getpass.getuser()
