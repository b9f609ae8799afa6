"""Rows of the load that nobody is known for, and quarantined rows that a good version has made pointless."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from fieldwork.streams import Stream
from fieldwork.warehouse.schema import ops

from . import quarantine
from .choice import OPEN
from .lines import effective

REASON = "The owner is no known person on that day: no rule links the user id to an employee"

#: What beside its key makes a row the same record again: two people may be listed under one id.
SAME_BESIDE_KEY: Final[dict[str, tuple[str, ...]]] = {"employees": ("employee_no",)}


def set_aside_unknown(
    connection: sa.Connection, stream: Stream, system: str, batch_id: int, seqs: sa.Select[Any]
) -> int:
    """Hold the staged rows of these ``seq`` until their person is known; returns how many left staging."""
    quarantine.open_list(connection)
    quarantine.note(connection, seqs, rule=f"{stream.name}.person_known", reason=REASON, held=True)
    return quarantine.set_aside(connection, stream, system, batch_id)


def supersede(connection: sa.Connection, stream: Stream, system: str, incoming: sa.Table) -> int:
    """Settle quarantined rows whose record came again and was good; returns how many."""
    q = ops.quarantine.c
    same = SAME_BESIDE_KEY.get(stream.name, ())
    good = sa.select(incoming.c[stream.key], *(sa.func.coalesce(incoming.c[name], "") for name in same))
    if stream.person is not None:
        good = good.where(incoming.c.employee_id.is_not(None))
    again = sa.tuple_(q.key, *(sa.func.coalesce(effective()[name].astext, "") for name in same))
    return connection.execute(
        sa.update(ops.quarantine)
        .where(q.system == system, q.stream == stream.name, q.status.in_(OPEN), again.in_(good))
        .values(status="superseded", settled_at=sa.func.now())
    ).rowcount
