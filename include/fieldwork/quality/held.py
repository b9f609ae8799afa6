"""Rows of the load that nobody is known for, and quarantined rows that a good version has made pointless."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from fieldwork.streams import Stream
from fieldwork.warehouse.schema import ops

from . import quarantine

REASON = "The owner is no known person on that day: no rule links the user id to an employee"


def set_aside_unknown(
    connection: sa.Connection, stream: Stream, system: str, batch_id: int, seqs: sa.Select[Any]
) -> int:
    """Hold the staged rows of these ``seq`` until their person is known; returns how many left staging."""
    quarantine.open_list(connection)
    quarantine.note(connection, seqs, rule=f"{stream.name}.person_known", reason=REASON, held=True)
    return quarantine.set_aside(connection, stream, system, batch_id)


def supersede(connection: sa.Connection, stream: Stream, system: str, incoming: sa.Table) -> int:
    """Settle quarantined rows whose record came again and was good; returns how many.

    Two people may be listed under one id: there the employee number is part of what makes a row the same again.
    """
    q = ops.quarantine.c
    same = ["employee_no"] if stream.name == "employees" else []
    good = sa.select(incoming.c[stream.key], *(sa.func.coalesce(incoming.c[name], "") for name in same))
    if stream.person is not None:
        good = good.where(incoming.c.employee_id.is_not(None))
    again = sa.tuple_(q.key, *(sa.func.coalesce(q.payload[name].astext, "") for name in same))
    return connection.execute(
        sa.update(ops.quarantine)
        .where(q.system == system, q.stream == stream.name, q.status.in_(["new", "held"]), again.in_(good))
        .values(status="superseded", settled_at=sa.func.now())
    ).rowcount
