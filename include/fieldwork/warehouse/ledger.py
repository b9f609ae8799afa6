"""The ledger: runs, steps, batches and watermarks. Whatever a run did stands here, also when it was killed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from fieldwork.errors import ConfigError, Fenced, FieldworkError
from fieldwork.streams import Window

from .engine import unavailable
from .schema import ops


@dataclass(frozen=True, slots=True)
class Run:
    """What a run was asked to do (``ops.run``)."""

    run_id: str
    since: date
    until: date
    as_of: datetime
    streams: tuple[str, ...]
    full_read: bool
    dry_run: bool
    state: str
    kind: str = "journey"
    read_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """One extraction of one stream, or rows that go through again (``ops.batch``)."""

    batch_id: int
    run_id: str
    system: str
    stream: str
    window: Window
    state: str
    follows: int | None
    kind: str = "extract"


def read_run(connection: sa.Connection, run_id: str) -> Run:
    """The run of this id; raises ConfigError when there is none."""
    row = connection.execute(sa.select(ops.run).where(ops.run.c.run_id == run_id)).mappings().one_or_none()
    if row is None:
        raise ConfigError(f"There is no run {run_id}.", todo="Start one: `fieldwork run`, or `fieldwork step extract`.")
    return Run(
        row["run_id"],
        row["since"],
        row["until"],
        row["as_of"],
        tuple(row["streams"]),
        row["full_read"],
        row["dry_run"],
        row["state"],
        row["kind"],
        row["read_since"],
    )


def write_run(connection: sa.Connection, run: Run) -> None:
    """Note a run; planning it again under the same id starts it anew without forgetting its batches."""
    values = {
        "run_id": run.run_id,
        "since": run.since,
        "until": run.until,
        "as_of": run.as_of,
        "streams": list(run.streams),
        "full_read": run.full_read,
        "dry_run": run.dry_run,
        "kind": run.kind,
        "read_since": run.read_since,
        "state": "running",
        "finished_at": None,
        "error": None,
    }
    statement = insert(ops.run).values(**values, started_at=sa.func.clock_timestamp())
    connection.execute(statement.on_conflict_do_update(index_elements=["run_id"], set_=values))


def finish_run(connection: sa.Connection, run_id: str, error: str | None = None) -> None:
    """Note how a run ended."""
    connection.execute(
        sa.update(ops.run)
        .where(ops.run.c.run_id == run_id)
        .values(state="failed" if error else "done", error=error, finished_at=sa.func.clock_timestamp())
    )


@contextlib.contextmanager
def held(engine: sa.Engine, run_id: str) -> Iterator[None]:
    """Hold a run for this process; raises Fenced when another process is at it. A killed process lets go by itself."""
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        name = {"run_id": run_id}
        if not connection.execute(sa.text("select pg_try_advisory_lock(hashtextextended(:run_id, 7))"), name).scalar():
            since = connection.execute(
                sa.select(ops.run.c.started_at).where(ops.run.c.run_id == run_id)
            ).scalar_one_or_none()
            raise Fenced(
                f"Run {run_id} is under way in another process{f', since {since:%F %T} UTC' if since else ''}.",
                todo="Wait until it has ended; this command changed nothing.",
            )
        try:
            yield
        finally:
            connection.execute(sa.text("select pg_advisory_unlock(hashtextextended(:run_id, 7))"), name)


@contextlib.contextmanager
def step(engine: sa.Engine, run_id: str, name: str) -> Iterator[dict[str, Any]]:
    """Note that a step runs, then its result (what the caller puts into the dict) or its failure.

    Raises WarehouseUnavailable instead of the driver's error when the server went away or could not go on.
    """
    _note_step(engine, run_id, name, "running", None)
    result: dict[str, Any] = {}
    try:
        yield result
    except BaseException as error:
        lost = unavailable(error, name)
        shown = lost or error
        code = shown.code if isinstance(shown, FieldworkError) else type(shown).__name__
        with contextlib.suppress(sa.exc.SQLAlchemyError):  # the step's own error is the one to show
            _note_step(engine, run_id, name, "failed", {"error": code})
        if lost is not None:
            raise lost from None
        raise
    _note_step(engine, run_id, name, "done", result)


def _note_step(engine: sa.Engine, run_id: str, name: str, state: str, result: dict[str, Any] | None) -> None:
    now = sa.func.clock_timestamp()
    values: dict[str, Any] = {"state": state, "result": result}
    values |= {"started_at": now, "finished_at": None} if state == "running" else {"finished_at": now}
    with engine.begin() as connection:
        statement = insert(ops.step).values(run_id=run_id, step=name, **{"started_at": now, **values})
        connection.execute(statement.on_conflict_do_update(index_elements=["run_id", "step"], set_=values))


def open_batch(connection: sa.Connection, *, run_id: str, system: str, stream: str, window: Window) -> Batch:
    """This run's batch of the stream, as it stands if there is one (a second attempt), else a new one."""
    found = batches(connection, run_id, stream=stream, states=["open", "extracted", "checked", "closed"])
    if found:
        return found[0]
    follows = connection.execute(
        sa.select(ops.watermark.c.batch_id).where(ops.watermark.c.system == system, ops.watermark.c.stream == stream)
    ).scalar_one_or_none()
    batch_id = connection.execute(
        sa.insert(ops.batch)
        .values(
            run_id=run_id,
            system=system,
            stream=stream,
            kind="extract",
            window_start=window.start,
            window_end=window.end,
            state="open",
            follows=follows,
            opened_at=sa.func.clock_timestamp(),
        )
        .returning(ops.batch.c.batch_id)
    ).scalar_one()
    return Batch(batch_id, run_id, system, stream, window, "open", follows)


def open_again(connection: sa.Connection, *, run_id: str, system: str, stream: str, kind: str, state: str) -> int:
    """A batch of another kind than extract (``ops.batch``); it has no window and moves no watermark."""
    batch_id: int = connection.execute(
        sa.insert(ops.batch)
        .values(
            run_id=run_id, system=system, stream=stream, kind=kind, state=state, opened_at=sa.func.clock_timestamp()
        )
        .returning(ops.batch.c.batch_id)
    ).scalar_one()
    return batch_id


def batches(
    connection: sa.Connection,
    run_id: str,
    *,
    stream: str | None = None,
    states: Sequence[str] = (),
    kind: str = "extract",
) -> list[Batch]:
    """The run's newest batch of this kind of each stream, in the order they were opened."""
    b = ops.batch.c
    newest = sa.select(sa.func.max(b.batch_id)).where(b.run_id == run_id, b.kind == kind).group_by(b.system, b.stream)
    query = sa.select(ops.batch).where(b.batch_id.in_(newest))
    if stream is not None:
        query = query.where(b.stream == stream)
    if states:
        query = query.where(b.state.in_(states))
    return [
        Batch(
            row["batch_id"],
            row["run_id"],
            row["system"],
            row["stream"],
            Window(row["window_start"], row["window_end"] or row["opened_at"]),
            row["state"],
            row["follows"],
            row["kind"],
        )
        for row in connection.execute(query.order_by(b.batch_id)).mappings()
    ]


def read_batch(connection: sa.Connection, batch_id: int) -> Batch:
    """The batch of this number, as it stands; raises ConfigError when there is none."""
    query = sa.select(ops.batch).where(ops.batch.c.batch_id == batch_id)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise ConfigError(
            f"There is no batch {batch_id}.", todo='`fieldwork sql "select * from ops.batch"` lists them.'
        )
    window = Window(row["window_start"], row["window_end"] or row["opened_at"])  # a replay asked for no span
    return Batch(row["batch_id"], row["run_id"], row["system"], row["stream"], window, row["state"], row["follows"])


def update_batch(connection: sa.Connection, batch_id: int, **values: Any) -> None:
    """Change columns of a batch."""
    connection.execute(sa.update(ops.batch).where(ops.batch.c.batch_id == batch_id).values(**values))


def staged_slices(connection: sa.Connection, batch_id: int) -> dict[str, int]:
    """Slices of the batch that are staged, with their rows."""
    s = ops.slice_.c
    return dict(connection.execute(sa.select(s.slice, s.rows).where(s.batch_id == batch_id)).tuples().all())


def forget_slices(connection: sa.Connection, batch_id: int) -> None:
    """The staged rows are gone: the batch is open again and everything will be read anew."""
    connection.execute(sa.delete(ops.slice_).where(ops.slice_.c.batch_id == batch_id))
    update_batch(connection, batch_id, state="open", extracted=0, quarantined=0, out_of_scope=0)


def read_watermark(connection: sa.Connection, system: str, stream: str) -> datetime | None:
    """Greatest cursor value loaded of the stream."""
    w = ops.watermark.c
    return connection.execute(sa.select(w.value).where(w.system == system, w.stream == stream)).scalar_one_or_none()


def move_watermark(connection: sa.Connection, batch: Batch, value: datetime | None) -> None:
    """Move it, if the batch that held it when ours was opened still holds it; raises Fenced otherwise.

    The comparison is on the batch, not on the value: it fences streams without a cursor too.
    """
    table, w = ops.watermark, ops.watermark.c
    fresh = {"batch_id": batch.batch_id, "moved_at": sa.func.clock_timestamp()}
    move: sa.Insert | sa.Update
    if batch.follows is None:
        move = (
            insert(table)
            .values(system=batch.system, stream=batch.stream, value=value, **fresh)
            .on_conflict_do_nothing()
        )
    else:
        move = (
            sa.update(table)
            .where(w.system == batch.system, w.stream == batch.stream, w.batch_id == batch.follows)
            .values(value=sa.func.greatest(w.value, value), **fresh)  # greatest() passes over null
        )
    moved = connection.execute(move.returning(w.batch_id)).all()
    if not moved:
        raise fenced(connection, batch.system, batch.stream)


def fenced(connection: sa.Connection, system: str, stream: str) -> Fenced:
    """The error for whom another run was faster: says which run holds the stream, and since when."""
    w = ops.watermark.c
    holder = connection.execute(
        sa.select(ops.batch.c.run_id, w.moved_at)
        .join(ops.watermark, w.batch_id == ops.batch.c.batch_id)
        .where(w.system == system, w.stream == stream)
    ).one()
    return Fenced(
        f"Run {holder.run_id} loaded {stream} at {holder.moved_at:%F %T} UTC, after this batch was opened.",
        todo="Nothing of this batch was loaded; start the run again, it reads from where the other one stopped.",
    )
