"""Commands of the journey: ``run`` (all of it) and ``step`` (one of it), the same functions that the DAG calls."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import sqlalchemy as sa
import typer

from fieldwork import errors, failpoint
from fieldwork.connectors.base import Source
from fieldwork.quality.acceptance import NOTHING, Acceptance
from fieldwork.settings import Settings
from fieldwork.steps.finish import finish
from fieldwork.steps.plan import names_in_order, plan
from fieldwork.steps.progress import Progress
from fieldwork.streams import STREAMS
from fieldwork.warehouse import ledger
from fieldwork.warehouse.schema import ops

from .console import bars, err, out
from .person import login
from .summary import show_run
from .warehouse import open_warehouse

DAY = "%Y-%m-%d"
#: The Airflow connection of each side.
CONNECTIONS = {"attendance": "fieldwork_attendance", "crm": "fieldwork_crm"}


class Step(StrEnum):
    """The steps of the journey, in their order."""

    EXTRACT = "extract"
    CHECK = "check"
    LOAD = "load"
    BUILD = "build"
    AUDIT = "audit"
    PUBLISH = "publish"
    WRITE_BACK = "write_back"


Since = Annotated[datetime | None, typer.Option(formats=[DAY], help="First working day. Default: yesterday.")]
Until = Annotated[datetime | None, typer.Option(formats=[DAY], help="First day not included. Default: today.")]
Streams = Annotated[str, typer.Option(help=f"Which streams to read, by commas. Default: all ({', '.join(STREAMS)}).")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Load and publish, but only count what the CRM would get.")]
Accept = Annotated[
    bool, typer.Option("--accept-mass-change", help="Write to the CRM although an unusual share of records changes.")
]
Full = Annotated[bool, typer.Option("--full", help="Read the CRM from the beginning, not since the last run.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(run)
    app.command(name="step")(one_step)


def run(
    since: Since = None,
    until: Until = None,
    streams: Streams = "",
    dry_run: DryRun = False,
    full: Full = False,
    accept_mass_change: Accept = False,
    run_id: Annotated[
        str, typer.Option(help="Name of the run. Default: a new one, or the same run that was cut short.")
    ] = "",
) -> None:
    """The whole journey: extract, check, load, build, audit, publish, write back.

    The days are [since, until). A run that was killed, or that gave up on a system that did not answer, goes on where
    it stopped when the same command is given again; a run repeated on the same facts changes nothing.
    """
    engine, settings = open_warehouse()
    failpoint.arm(settings.failpoint)
    first, last = _days(settings, since, until)
    run_id = run_id or _unfinished(engine, first, last, _names(streams), dry_run, full) or _new_id()
    with ledger.held(engine, run_id), bars() as progress:
        go(
            engine, settings, run_id, first, last, _names(streams), dry_run=dry_run, full=full, progress=progress,
            accept_mass_change=accept_mass_change,
        )  # fmt: skip
    show_run(engine, run_id)


def one_step(
    name: Annotated[Step, typer.Argument(help="Which step.")],
    since: Since = None,
    until: Until = None,
    streams: Streams = "",
    dry_run: DryRun = False,
    full: Full = False,
    accept_mass_change: Accept = False,
    run_id: Annotated[
        str, typer.Option(help="The run it belongs to. Default: the newest one; extract starts one.")
    ] = "",
    accept: Annotated[
        list[str] | None, typer.Option(help="Of check: a rule about a whole batch that may fail this once. Repeatable.")
    ] = None,
    why: Annotated[str, typer.Option(help="Why you accept it; it is noted with your login.")] = "",
) -> None:
    """One step of a run, e.g. `fieldwork step check`. The steps before it must have ended.

    A batch that check stopped goes on with `--accept RULE --why "…"`; then give the steps after it.
    """
    if accept and (name is not Step.CHECK or not why):
        raise errors.ConfigError(
            "Only check accepts rules, and only with a reason.",
            todo='Say `fieldwork step check --accept RULE --why "the reason"`.',
        )
    accepted = Acceptance(frozenset(accept or ()), login(), why)
    engine, settings = open_warehouse()
    failpoint.arm(settings.failpoint)
    if name is Step.EXTRACT:
        first, last = _days(settings, since, until)
        run_id = run_id or _new_id()
        _plan(engine, settings, run_id, first, last, _names(streams), dry_run, full)
    else:
        run_id = run_id or newest_run(engine)
    with bars() as progress:
        for step in _calls(engine, settings, run_id, progress, accepted, accept_mass_change=accept_mass_change):
            if step.__name__ == name.value:
                result = step()
                err.print(f"{name.value}: {result}")
    out.print(run_id)


def go(
    engine: sa.Engine,
    settings: Settings,
    run_id: str,
    since: date,
    until: date,
    streams: list[str],
    *,
    dry_run: bool,
    full: bool,
    progress: Progress,
    accept_mass_change: bool = False,
) -> None:
    """Every step in order; notes in the ledger how the run ended."""
    _plan(engine, settings, run_id, since, until, streams, dry_run, full)
    with ended_in_ledger(engine, settings, run_id):
        for step in _calls(engine, settings, run_id, progress, accept_mass_change=accept_mass_change):
            step()


@contextlib.contextmanager
def ended_in_ledger(engine: sa.Engine, settings: Settings, run_id: str) -> Iterator[None]:
    """Note how the run ended; an error is noted and goes on."""
    try:
        yield
    except BaseException as error:
        text = str(error) if isinstance(error, errors.FieldworkError) else type(error).__name__
        with engine.begin() as connection:
            ledger.finish_run(connection, run_id, error=text)
        raise
    finish(engine, settings, run_id=run_id)


def publish_touched(
    engine: sa.Engine, settings: Settings, run_id: str, *, write_back: bool, progress: Progress
) -> None:
    """What follows a load: build, audit, publish and, if wanted, write back."""
    wanted = {"build", "audit", "publish"} | ({"write_back"} if write_back else set())
    for step in _calls(engine, settings, run_id, progress):
        if step.__name__ in wanted:
            step()


def _calls(
    engine: sa.Engine,
    settings: Settings,
    run_id: str,
    progress: Progress,
    accepted: Acceptance = NOTHING,
    *,
    accept_mass_change: bool = False,
) -> Iterator[Callable[[], Any]]:
    """The steps as functions without arguments, named like the step; each is imported when its turn comes."""

    def extract() -> Any:
        from fieldwork.steps.extract import extract as step

        sources: dict[str, Source] = {}
        with engine.connect() as connection:
            wanted = ledger.read_run(connection, run_id).streams
        for stream in wanted:
            side = STREAMS[stream].side
            if side not in sources:
                sources[side] = source(settings, side)
            step(engine, settings, sources[side], run_id=run_id, stream=stream, progress=progress)
        return {"streams": len(wanted)}

    def check() -> Any:
        from fieldwork.steps.check import check as step

        return step(engine, settings, run_id=run_id, accepted=accepted, progress=progress)

    def load() -> Any:
        from fieldwork.steps.load import load as step

        return step(engine, settings, run_id=run_id, progress=progress)

    def build() -> Any:
        from fieldwork.steps.build import build as step

        return step(engine, settings, run_id=run_id, progress=progress)

    def audit() -> Any:
        from fieldwork.steps.audit import audit as step

        return step(engine, settings, run_id=run_id, progress=progress)

    def publish() -> Any:
        from fieldwork.steps.publish import publish as step

        return step(engine, settings, run_id=run_id, progress=progress)

    def write_back() -> Any:
        from fieldwork.orchestration.sessions import open_target
        from fieldwork.orchestration.webhooks import told_too
        from fieldwork.steps.write_back import write_back as step

        _prepare(settings)
        with told_too(engine, settings, run_id=run_id, accept_mass_change=accept_mass_change, progress=progress):
            return step(
                engine, settings, open_target(settings), run_id=run_id, accept_mass_change=accept_mass_change,
                progress=progress,
            )  # fmt: skip

    yield from (extract, check, load, build, audit, publish, write_back)


def source(settings: Settings, side: str) -> Source:
    """The source of a side (attendance, crm), by its Airflow connection."""
    _prepare(settings)
    from fieldwork.orchestration.sessions import open_source

    return open_source(settings, CONNECTIONS[side])


def _prepare(settings: Settings) -> None:
    from fieldwork.orchestration.environment import prepare_environment

    prepare_environment(settings)


def _plan(
    engine: sa.Engine,
    settings: Settings,
    run_id: str,
    since: date,
    until: date,
    streams: list[str],
    dry_run: bool,
    full: bool,
) -> None:
    plan(
        engine, settings, run_id=run_id, since=since, until=until, streams=streams, full=full, dry_run=dry_run,
        as_of=settings.now(),
    )  # fmt: skip


def _days(settings: Settings, since: datetime | None, until: datetime | None) -> tuple[date, date]:
    today = settings.now().astimezone(settings.time_zone).date()
    last = until.date() if until else today
    return (since.date() if since else last - timedelta(days=1)), last


def _names(streams: str) -> list[str]:
    return [name.strip() for name in streams.split(",") if name.strip()]


def _new_id() -> str:
    return f"cli-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"


def newest_run(engine: sa.Engine) -> str:
    """The id of the newest daily run; raises ConfigError when there is none yet."""
    with engine.connect() as connection:
        found = connection.execute(
            sa.select(ops.run.c.run_id)
            .where(ops.run.c.kind == "journey")
            .order_by(ops.run.c.started_at.desc())
            .limit(1)
        ).scalar_one_or_none()
    if found is None:
        raise errors.ConfigError("There is no run yet.", todo="Start with `fieldwork run` or `fieldwork step extract`.")
    return str(found)


def _unfinished(
    engine: sa.Engine, since: date, until: date, streams: list[str], dry_run: bool, full: bool
) -> str | None:
    """The newest run from the command line, if it was asked for the same and going on makes sense."""
    r = ops.run.c
    with engine.connect() as connection:
        newest = connection.execute(
            sa.select(ops.run).where(r.run_id.like("cli-%")).order_by(r.started_at.desc()).limit(1)
        ).one_or_none()
    if newest is None or newest.state == "done" or not may_go_on(newest.error):
        return None
    same = (newest.since, newest.until, newest.dry_run, newest.full_read) == (since, until, dry_run, full)
    return str(newest.run_id) if same and tuple(newest.streams) == names_in_order(streams) else None


def may_go_on(error: str | None) -> bool:
    """Killed (no error noted), or ended by something that may pass; a judged batch must be read anew instead."""
    kind = getattr(errors, error[1:].partition("]")[0], None) if error else errors.TransientError
    return isinstance(kind, type) and issubclass(kind, errors.TransientError)
