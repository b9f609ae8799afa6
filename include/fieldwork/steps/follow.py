"""Rows follow their ids: what a changed link gives to another person, or to nobody, is moved with its days.

``link_change`` (temporary) says whose days of an id were and whose they are now. Rows of these days are taken from
their person and staged again as a batch of kind ``move``; the merge gives them to the person of the day, or holds them
where there is none. All in the caller's transaction: rows, counts and touched days move together or not at all.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Final

import sqlalchemy as sa

from fieldwork.settings import Settings
from fieldwork.streams import Stream
from fieldwork.warehouse import owner, staging
from fieldwork.warehouse.merge import TABLES, take_turn

from .release import load_batch, open_batch
from .settle import touch_days
from .waiting import OWNED

Outcomes = dict[str, dict[str, int]]

_CHANGE: Final = sa.table(
    "link_change",
    *(sa.column(name, sa.Text) for name in ("system", "external_id", "was", "now")),
    *(sa.column(name, sa.Date) for name in ("valid_from", "valid_to")),
)


def follow_links(connection: sa.Connection, settings: Settings, *, run_id: str) -> Outcomes:
    """Move the rows of all changes that the transaction has noted, and forget these; returns outcomes by stream.

    Days of people whose manager's id is another person's now are touched too: their rows name the manager.
    """
    c = _CHANGE.c
    systems = connection.execute(sa.select(c.system).where(c.was.is_not(None)).distinct().order_by(c.system)).scalars()
    moved: Outcomes = {}
    for system in list(systems):
        for stream in OWNED:
            outcome = _move(connection, settings, stream, system, run_id) if stream.name != "employees" else {}
            for kind, count in outcome.items():
                of_stream = moved.setdefault(stream.name, {})
                of_stream[kind] = of_stream.get(kind, 0) + count
    script = files(__package__).joinpath("touch", "reports.sql").read_text(encoding="utf-8")
    connection.execute(sa.text(script))
    touch_days(connection, settings, ["posts"], reason="identity")
    connection.exec_driver_sql("truncate link_change")
    return moved


def _move(connection: sa.Connection, settings: Settings, stream: Stream, system: str, run_id: str) -> dict[str, int]:
    """Move one stream's rows of one system; returns the batch's outcome, empty when there was nothing to move."""
    take_turn(connection, stream.name)  # who merges just now has read the old links: wait, then see what they wrote
    left = _left_behind(stream)
    left.create(connection)
    today = settings.now().astimezone(settings.time_zone).date()
    rows = _misplaced(stream, system, owner.day(stream, _cells(stream), settings.time_zone.key, today))
    taken = sa.insert(left).from_select(list(left.c.keys()), rows)
    count = connection.execute(taken, execution_options={"preserve_rowcount": True}).rowcount
    outcome: dict[str, int] = {}
    if count:
        batch_id = open_batch(connection, run_id, system, stream, "move", count)
        again = sa.select(*(left.c[name] for name in stream.columns))
        connection.execute(sa.insert(staging.table(stream, batch_id)).from_select(list(stream.columns), again))
        for table in TABLES[stream.name]:
            same = sa.and_(table.c.employee_id == left.c.employee_id, table.c[stream.key] == left.c[stream.key])
            connection.execute(sa.delete(table).where(same))
        behind = sa.select(*left.c.values())
        outcome = load_batch(connection, settings, stream, system, batch_id, count, left_behind=behind)
    left.drop(connection)
    return outcome


def _left_behind(stream: Stream) -> sa.Table:
    """The rows as they stood: ``employee_id`` of the person who had them, and the canonical columns."""
    types = staging.table(stream, 0).c
    return sa.Table(
        "left_behind",
        sa.MetaData(),
        sa.Column("employee_id", sa.Text),
        *(sa.Column(name, types[name].type) for name in stream.columns),
        prefixes=["TEMPORARY"],
        postgresql_on_commit="DROP",
    )


def _misplaced(stream: Stream, system: str, on: sa.ColumnElement[object]) -> sa.Select[tuple[object, ...]]:
    """Rows of a person who had the id on the day of the row and has it no longer; found by that person's key."""
    first, *others = TABLES[stream.name]
    c, cells = _CHANGE.c, _cells(stream)
    rows: sa.FromClause = _CHANGE.join(
        first,
        sa.and_(
            first.c.employee_id == c.was,
            first.c.system == c.system,
            first.c[str(stream.person)] == c.external_id,
            on >= c.valid_from,
            sa.or_(c.valid_to.is_(None), on < c.valid_to),
        ),
    )
    for other in others:
        same = sa.and_(other.c.employee_id == first.c.employee_id, other.c[stream.key] == first.c[stream.key])
        rows = rows.outerjoin(other, same)
    columns = [cells[name] for name in stream.columns]
    return sa.select(first.c.employee_id, *columns).select_from(rows).where(c.system == system, c.was.is_not(None))


def _cells(stream: Stream) -> dict[str, sa.ColumnElement[object]]:
    """Where in core each canonical column of the stream is kept."""
    return {name: next(t.c[name] for t in TABLES[stream.name] if name in t.c) for name in stream.columns}
