"""What should be in the CRM, compared with what the receipts say is there; only what changed since is looked at.

From ``mart`` and ``ops.receipt`` into temporary tables, ``asked``, ``wanted`` and ``difference``, that live as long as
the caller's transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.settings import Settings
from fieldwork.warehouse import published

from . import marks
from .fields import mapped
from .statements import read
from .wanted import KINDS, Kind, wanted

TEMPORARY: Final = (
    "drop table if exists pg_temp.asked, pg_temp.wanted, pg_temp.difference",
    "create temporary table asked (key text primary key) on commit drop",
    "create temporary table wanted (key text, employee_id text, day date, payload jsonb) on commit drop",
    """create temporary table difference (
        key text, employee_id text, day date, payload jsonb, payload_hash text, correction boolean
    ) on commit drop""",
)
#: A million records are compared in memory.
_WORK_MEM: Final = "128MB"
_ASKED: Final = sa.table("asked", sa.column("key", sa.Text), schema="pg_temp")
_WANTED: Final = sa.table(
    "wanted", *(sa.column(name) for name in ("key", "employee_id", "day", "payload")), schema="pg_temp"
)


@dataclass(frozen=True, slots=True)
class Difference:
    """Numbers of records: looked at; of these to send, and how many of them are corrections of what the CRM holds;
    refused by the CRM before with the same content; undone and not changed since; as the receipts say already.
    """

    looked_at: int
    to_send: int
    corrections: int
    refused_before: int
    parked: int

    @property
    def unchanged(self) -> int:
        """Records that stand in the CRM already, by their receipts."""
        return self.looked_at - self.to_send - self.refused_before - self.parked


def stage(
    connection: sa.Connection, settings: Settings, system: str, kind: str, *, everything: bool = False
) -> Difference:
    """Fill the tables for one kind, and move the mark; raises ConfigError for a mapping that may not be.

    ``everything``: look at all published rows, whatever the mark says. No publication comes in between.
    """
    fields, of = mapped(settings, system, kind), KINDS[kind]
    where: dict[str, Any] = {"system": system, "kind": kind}
    for statement in TEMPORARY:
        connection.exec_driver_sql(statement)
    connection.execute(sa.select(sa.func.set_config("work_mem", _WORK_MEM, True)))
    steady = published.hold_still(connection)
    mark = marks.read(connection, settings, system, of)
    since = None if everything else mark.since
    _ask(connection, of, where, since)
    looked_at = _want(connection, of, fields, since)
    to_send = connection.execute(sa.text(read("difference")), {**where, "fields": mark.fields}).rowcount
    connection.exec_driver_sql("analyze pg_temp.difference")
    count = "select count(*) from pg_temp.difference where correction"
    corrections = connection.exec_driver_sql(count).scalar_one()
    refused, parked = connection.execute(sa.text(read("held_back")), where).one()
    if steady:
        marks.move(connection, system, of, mark.fields)
    return Difference(looked_at, to_send, corrections, refused, parked)


def sample(
    connection: sa.Connection, system: str, kind: str, *, limit: int = 10
) -> dict[str, dict[str, tuple[Any, Any]]]:
    """A few keys of the staged difference, each with the fields that would change: old and new."""
    where = {"system": system, "kind": kind, "limit": limit}
    return dict(connection.execute(sa.text(read("sample")), where).tuples().all())


def _ask(connection: sa.Connection, kind: Kind, where: dict[str, Any], since: Any) -> None:
    """Note the records that are to be looked at again; with no mark all are, but the owners are kept up to date."""
    connection.execute(sa.text(read("asked")), where)
    if kind.has_owner:
        people = list(connection.execute(sa.text(read("new_owner")), {"system": where["system"]}).scalars())
        if people and since is not None:
            theirs = sa.select(kind.key_of).where(
                kind.rows.c.employee_id == sa.any_(sa.literal(people, sa.ARRAY(sa.Text)))
            )
            connection.execute(_insert_into(_ASKED, theirs))
    connection.exec_driver_sql("analyze pg_temp.asked")


def _want(connection: sa.Connection, kind: Kind, fields: tuple[str, ...], since: Any) -> int:
    """Fill ``pg_temp.wanted``; returns how many rows."""
    rows, dated = wanted(kind, fields), kind.rows.c.published_at
    if since is None:
        looked_at = connection.execute(_insert_into(_WANTED, rows)).rowcount
    else:
        fresh = rows.where(dated > since)
        older = rows.where(dated <= since, kind.found(_ASKED.c.key))
        looked_at = connection.execute(_insert_into(_WANTED, fresh)).rowcount
        looked_at += connection.execute(_insert_into(_WANTED, older)).rowcount
    connection.exec_driver_sql("analyze pg_temp.wanted")
    return looked_at


def _insert_into(table: Any, rows: sa.Select[Any]) -> sa.Insert:
    statement: sa.Insert = sa.insert(table).from_select(list(table.c.keys()), rows)
    return statement.execution_options(preserve_rowcount=True)
