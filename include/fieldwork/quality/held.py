"""Rows of the load that nobody is known for, and quarantined rows that a good version has made pointless."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from fieldwork.streams import Stream
from fieldwork.warehouse import staging
from fieldwork.warehouse.schema import ops

REASON = "The owner is no known person: no rule links this user id to an employee."


def set_aside_unknown(
    connection: sa.Connection, stream: Stream, system: str, batch_id: int, seqs: sa.Select[Any]
) -> int:
    """Hold the staged rows of these ``seq`` until their person is known; returns how many."""
    staged = staging.table(stream, batch_id)
    rule = f"{stream.name}.person_known"
    payload = sa.func.jsonb_build_object(
        *(part for name in stream.columns for part in (sa.literal(name), staged.c[name]))
    )
    aside = (
        sa.select(staged.c[stream.key].label("key"), payload.label("payload"))
        .where(staged.c.seq.in_(seqs))
        .cte("aside")
    )
    fingerprint = sa.func.md5(sa.func.concat_ws("|", stream.name, sa.cast(aside.c.payload, sa.Text), rule))
    once = (
        sa.select(
            sa.literal(batch_id),
            sa.literal(system),
            sa.literal(stream.name),
            aside.c.key,
            aside.c.payload,
            sa.literal(rule),
            sa.literal(REASON),
            sa.literal("held"),
            fingerprint,
            sa.func.now(),
        )
        .distinct(fingerprint)
        .order_by(fingerprint)
    )
    columns = [
        "batch_id",
        "system",
        "stream",
        "key",
        "payload",
        "rule",
        "reason",
        "status",
        "fingerprint",
        "set_aside_at",
    ]
    statement = insert(ops.quarantine).from_select(columns, once)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["system", "stream", "fingerprint"],
            set_={
                "batch_id": statement.excluded.batch_id,
                "seen": ops.quarantine.c.seen + 1,
                "status": "held",
                "settled_at": None,
            },
        )
    )
    return connection.execute(sa.select(sa.func.count()).select_from(seqs.subquery())).scalar_one()


def supersede(connection: sa.Connection, stream: Stream, system: str, incoming: sa.Table) -> int:
    """Settle quarantined rows whose record came again and was good; returns how many."""
    q = ops.quarantine.c
    good = sa.select(incoming.c[stream.key])
    if stream.person is not None:
        good = good.where(incoming.c.employee_id.is_not(None))
    return connection.execute(
        sa.update(ops.quarantine)
        .where(q.system == system, q.stream == stream.name, q.status.in_(["new", "held"]), q.key.in_(good))
        .values(status="superseded", settled_at=sa.func.now())
    ).rowcount
