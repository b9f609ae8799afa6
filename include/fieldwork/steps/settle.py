"""Settle a batch inside the caller's transaction: merge its staged rows, count what became of them, close it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from importlib.resources import files
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.errors import CountMismatch
from fieldwork.quality.held import set_aside_unknown, supersede
from fieldwork.rules import identity, links, people, posts, working_day
from fieldwork.rules.identity_file import link_by_file
from fieldwork.settings import Settings
from fieldwork.streams import Stream
from fieldwork.warehouse import ledger, staging
from fieldwork.warehouse.merge import TABLES, Merge, Merged, take_turn
from fieldwork.warehouse.schema import ops

#: Streams that say who is who.
WHO_IS_WHO: Final = frozenset({"employees", "crm_users"})
#: Which scripts of ``touch/`` say what days a stream touches, where it is not the one of its name.
_TOUCHED_BY: Final[dict[str, tuple[str, ...]]] = {"employees": ("posts", "employees"), "crm_users": ()}
#: Temporary tables of one batch; the next one in the same transaction makes them anew.
_SCRATCH: Final = (
    "incoming", "delta", "claim", "person", "post_change", "post_earlier", "crm_delta", "outside", "named",
    "trust", "evidence", "wish", "comparison",
)  # fmt: skip

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
    last_word: bool = True,
    left_behind: sa.Select[Any] | None = None,
) -> tuple[Merged, int, int]:
    """Staged rows into core; returns what became of them, rows set aside, person-days touched.

    ``whole``: a batch of a stream that is read whole says who is not there any more; a replay does not.
    ``last_word``: what waits of the same records is outdated by these rows; rows that only go through or move at last
    say nothing of what came after them.
    ``left_behind``: rows (employee_id, canonical columns) that have just been taken from their persons and are staged
    again; the days where they were are touched too.
    """
    run_id, as_of = _run(connection, settings, batch_id)
    merge = Merge(stream, system, batch_id, settings.time_zone.key, as_of.astimezone(settings.time_zone).date())
    if stream.name in WHO_IS_WHO:
        take_turn(connection, stream.name)
        links.open_scratch(connection)
    if stream.name == "employees":
        people.find_people(connection, settings, system, batch_id, as_of, f"run {run_id}")
    merge.receive(connection)
    aside = hold(connection, stream, system, batch_id, merge.nobodys())
    merged = merge.apply(connection)
    if stream.name in WHO_IS_WHO and merged.loaded:
        connection.exec_driver_sql(f"analyze {TABLES[stream.name][0].fullname}")
    if stream.name == "employees":
        posts.keep_posts(connection, settings, as_of)
        people.settle_people(connection, settings, system, batch_id, as_of, whole=whole)
    if stream.name in WHO_IS_WHO:
        _link_crm_users(connection, settings, stream, as_of, f"run {run_id}")
    if last_word:
        supersede(connection, stream, system, merge.incoming)
    if left_behind is not None:
        old = left_behind.add_columns(sa.literal("old"), sa.false())
        names = [*(column.name for column in left_behind.selected_columns), "side", "first_seen"]
        connection.execute(sa.insert(merge.delta).from_select(names, old))
    scripts = _TOUCHED_BY.get(stream.name, (stream.name,))
    return merged, aside, touch_days(connection, settings, scripts, reason=stream.name)


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
    for name in _SCRATCH:
        connection.execute(sa.text(f"drop table if exists pg_temp.{name}"))


def _run(connection: sa.Connection, settings: Settings, batch_id: int) -> tuple[str, datetime]:
    """The batch's run, and what it takes as now: the run's, or the clock's for a person's command."""
    query = (
        sa.select(ops.batch.c.run_id, ops.run.c.as_of)
        .select_from(ops.batch.outerjoin(ops.run, ops.batch.c.run_id == ops.run.c.run_id))
        .where(ops.batch.c.batch_id == batch_id)
    )
    row = connection.execute(query).one()
    return row.run_id, row.as_of or settings.now()


def _link_crm_users(connection: sa.Connection, settings: Settings, stream: Stream, as_of: datetime, who: str) -> None:
    """CRM users may be linked to people who have just come, and people to CRM users who have."""
    just_read = stream.name == "crm_users"
    if just_read:
        link_by_file(connection, settings.identity_file, as_of)
    else:
        take_turn(connection, "crm_users")  # streams are taken in their order, so nobody waits for each other
    identity.link_crm_users(connection, settings, as_of, who, just_read=just_read)


def touch_days(connection: sa.Connection, settings: Settings, scripts: Sequence[str], *, reason: str) -> int:
    """Note the person-days that the scripts of ``touch/`` find; ``punches`` are found by their working days."""
    connection.execute(sa.text("create temporary table touch (employee_id text, work_date date) on commit drop"))
    folder = files(__package__).joinpath("touch")
    for name in scripts:
        if name == "punches":
            working_day.touch(connection)
        else:
            script = folder.joinpath(f"{name}.sql").read_text(encoding="utf-8")
            connection.execute(sa.text(script), {"zone": settings.time_zone.key})
    note = folder.joinpath("note.sql").read_text(encoding="utf-8")
    touched = connection.execute(sa.text(note), {"reason": reason}).rowcount
    connection.execute(sa.text("drop table touch"))
    return touched
