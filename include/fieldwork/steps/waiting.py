"""Rows that wait in the quarantine for their person: whose id, and of which day."""

from __future__ import annotations

from datetime import date
from typing import Final

import sqlalchemy as sa

from fieldwork.quality.lines import effective
from fieldwork.settings import Settings
from fieldwork.streams import STREAMS, Stream
from fieldwork.warehouse import owner, staging
from fieldwork.warehouse.schema import ops

#: Streams whose rows belong to somebody, in the order of loading.
OWNED: Final[tuple[Stream, ...]] = tuple(
    stream for stream in STREAMS.values() if stream.person is not None and stream.name != "crm_users"
)

#: ``external_id``: the owner's; ``day``: the one that the row is of; ``turn``: 1 = the newest of a record's rows.
WAITING: Final = sa.Table(
    "waiting",
    sa.MetaData(),
    sa.Column("quarantine_id", sa.BigInteger),
    sa.Column("system", sa.Text),
    sa.Column("stream", sa.Text),
    sa.Column("external_id", sa.Text),
    sa.Column("day", sa.Date),
    sa.Column("turn", sa.BigInteger),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
)


def find_waiting(connection: sa.Connection, settings: Settings, today: date) -> list[Stream]:
    """Fill the temporary table ``waiting`` anew with every held row that belongs to somebody; returns their streams."""
    connection.exec_driver_sql("drop table if exists pg_temp.waiting")
    WAITING.create(connection)
    q = ops.quarantine.c
    held = {s.name: sa.exists().where(q.stream == s.name, q.status == "held") for s in OWNED}  # by the index, each
    there = connection.execute(sa.select(*(one.label(name) for name, one in held.items()))).mappings().one()
    waiting = [stream for stream in OWNED if there[stream.name]]
    for stream in waiting:
        connection.execute(sa.insert(WAITING).from_select(list(WAITING.c.keys()), _of(stream, settings, today)))
    connection.exec_driver_sql("analyze waiting")
    return waiting


def _of(stream: Stream, settings: Settings, today: date) -> sa.Select[tuple[object, ...]]:
    q = ops.quarantine.c
    types = staging.table(stream, 0).c
    row = effective()
    cells = {name: sa.cast(row[name].astext, types[name].type) for name in stream.columns}
    latest = [cells["modified_at"].desc().nulls_last()] if "modified_at" in cells else []
    # people are described by several rows at once: each says something about an id, none outdates another
    record = [q.quarantine_id] if stream.name == "employees" else [q.system, q.key]
    turn = sa.func.row_number().over(partition_by=record, order_by=[*latest, q.quarantine_id.desc()])
    day = owner.day(stream, cells, settings.time_zone.key, today)
    return sa.select(q.quarantine_id, q.system, q.stream, row[stream.person].astext, day, turn).where(
        q.stream == stream.name, q.status == "held"
    )
