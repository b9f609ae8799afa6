"""Settle a batch inside the caller's transaction: merge its staged rows, count what became of them, close it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import sqlalchemy as sa

from fieldwork.errors import CountMismatch
from fieldwork.quality.held import set_aside_unknown, supersede
from fieldwork.rules import identity, working_day
from fieldwork.settings import Settings
from fieldwork.streams import Stream
from fieldwork.warehouse import ledger, staging
from fieldwork.warehouse.merge import Merge, Merged
from fieldwork.warehouse.schema import ref

#: Holds the staged rows of these ``seq``, whose person is unknown; returns how many left staging.
Hold = Callable[[sa.Connection, Stream, str, int, sa.Select[Any]], int]


def merge_batch(
    connection: sa.Connection,
    settings: Settings,
    stream: Stream,
    system: str,
    batch_id: int,
    *,
    hold: Hold = set_aside_unknown,
    whole: bool = True,
) -> tuple[Merged, int, int]:
    """Staged rows into core; returns what became of them, rows set aside, person-days touched.

    ``whole``: a batch of a stream that is read whole says who is not there any more; a replay does not.
    """
    merge = Merge(stream, system, batch_id, settings.time_zone.key)
    if stream.name == "employees":
        identity.found_people(connection, system, _newcomers(stream, system, batch_id))
    merge.receive(connection)
    aside = hold(connection, stream, system, batch_id, merge.nobodys())
    merged = merge.apply(connection)
    if stream.name == "employees" and whole:
        identity.note_missing(connection, system)
    if stream.name in {"employees", "crm_users"}:
        identity.link_crm_users(connection, settings.identity_file)
    supersede(connection, stream, system, merge.incoming)
    return merged, aside, touch_days(connection, settings, stream)


def close_batch(
    connection: sa.Connection, stream: Stream, batch_id: int, outcome: dict[str, int], touched: int, **more: Any
) -> None:
    """Close the batch if its outcomes add up; drops its staging table. Raises CountMismatch."""
    kinds = ("loaded", "unchanged", "quarantined", "duplicate", "out_of_scope")
    if outcome["extracted"] != sum(outcome[kind] for kind in kinds):
        counts = ", ".join(f"{kind} {outcome[kind]}" for kind in kinds)
        raise CountMismatch(
            f"{stream.name}, batch {batch_id}: {outcome['extracted']} rows were extracted, but {counts}.",
            todo="Nothing was loaded. This is a fault of Fieldwork: report it with these numbers.",
        )
    ledger.update_batch(
        connection, batch_id, state="closed", closed_at=sa.func.clock_timestamp(), touched=touched, **outcome, **more
    )
    staging.drop(connection, stream, batch_id)
    for name in ("incoming", "delta", "touch", "newcomer"):
        connection.execute(sa.text(f"drop table if exists pg_temp.{name}"))


def _newcomers(stream: Stream, system: str, batch_id: int) -> sa.Select[Any]:
    staged = staging.table(stream, batch_id).c
    link = ref.identity.c
    known = sa.exists().where(link.system == system, link.external_id == staged.user_id)
    return sa.select(staged.user_id, staged.employee_no, staged.hired_on).where(sa.not_(known))


def touch_days(connection: sa.Connection, settings: Settings, stream: Stream) -> int:
    """Note the person-days that the rows in ``delta`` change; returns how many."""
    connection.execute(sa.text("create temporary table touch (employee_id text, work_date date) on commit drop"))
    script = files(__package__).joinpath("touch", f"{stream.name}.sql")
    if stream.name == "punches":
        working_day.touch(connection)
    elif script.is_file():  # CRM users belong to no day
        connection.execute(sa.text(script.read_text(encoding="utf-8")), {"zone": settings.time_zone.key})
    note = files(__package__).joinpath("touch", "note.sql").read_text(encoding="utf-8")
    return connection.execute(sa.text(note), {"reason": stream.name}).rowcount
