"""What was published since and differs from the last event about the record becomes a new event.

From ``mart`` into ``ops.webhook_event``, in one transaction with the mark that says how far was looked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from fieldwork.warehouse import published
from fieldwork.warehouse.schema import webhooks
from fieldwork.writeback.statements import read
from fieldwork.writeback.wanted import KINDS, Kind, wanted

TEMPORARY: Final = (
    "drop table if exists pg_temp.webhook_wanted, pg_temp.webhook_difference",
    """create temporary table webhook_wanted (
        key text, employee_id text, day date, payload jsonb, occurred_at timestamptz
    ) on commit drop""",
    """create temporary table webhook_difference (
        key text, employee_id text, day date, payload jsonb, occurred_at timestamptz, payload_hash text, changed jsonb
    ) on commit drop""",
)
_COLUMNS: Final = ("key", "employee_id", "day", "payload", "occurred_at")
_WANTED: Final = sa.table("webhook_wanted", *(sa.column(name) for name in _COLUMNS), schema="pg_temp")


def stage(connection: sa.Connection, endpoint: str, kind: str, fields: Sequence[str], since: date) -> int:
    """Fill ``pg_temp.webhook_difference`` and move the mark; returns how many records differ.

    Looked at are records of working days from ``since`` on that were published after the mark.
    """
    for statement in TEMPORARY:
        connection.exec_driver_sql(statement)
    steady = published.hold_still(connection)
    of = KINDS[kind]
    _want(connection, of, fields, since, _mark(connection, endpoint, kind))
    connection.exec_driver_sql("analyze pg_temp.webhook_wanted")
    found = connection.execute(sa.text(read("webhooks/differ")), {"endpoint": endpoint, "kind": kind}).rowcount
    if steady:
        _move(connection, endpoint, of)
    return found


def note(connection: sa.Connection, endpoint: str, kind: str, run_id: str) -> None:
    """The staged difference becomes events, each person's in the order of their days."""
    connection.execute(sa.text(read("webhooks/enqueue")), {"endpoint": endpoint, "kind": kind, "run_id": run_id})


def audit(connection: sa.Connection, endpoint: str, run_id: str) -> None:
    """One entry in ``ops.audit_log`` about the events that this run noted for the endpoint."""
    connection.execute(sa.text(read("webhooks/audit")), {"endpoint": endpoint, "run_id": run_id})


def _want(connection: sa.Connection, kind: Kind, fields: Sequence[str], since: date, mark: datetime | None) -> None:
    rows: sa.Select[Any] = wanted(kind, fields).add_columns(kind.rows.c.published_at)
    rows = rows.where(kind.rows.c.work_date >= since)
    if mark is not None:
        rows = rows.where(kind.rows.c.published_at > mark)
    connection.execute(sa.insert(_WANTED).from_select(list(_COLUMNS), rows))


def _mark(connection: sa.Connection, endpoint: str, kind: str) -> datetime | None:
    m = webhooks.mark.c
    query = sa.select(m.published_at).where(m.endpoint == endpoint, m.kind == kind)
    return connection.execute(query).scalar_one_or_none()


def _move(connection: sa.Connection, endpoint: str, kind: Kind) -> None:
    latest = connection.execute(sa.select(sa.func.max(kind.rows.c.published_at))).scalar_one()
    if latest is None:
        return
    statement = insert(webhooks.mark).values(endpoint=endpoint, kind=kind.name, published_at=latest)
    fresh = {"published_at": latest}
    connection.execute(statement.on_conflict_do_update(index_elements=["endpoint", "kind"], set_=fresh))
