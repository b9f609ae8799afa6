"""Rows that were held because their person or account was unknown go through once it is known.

They make a batch of their own (``kind = 'replay'``), so that every batch's counts still add up.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from fieldwork.quality.lines import effective
from fieldwork.settings import Settings
from fieldwork.streams import STREAMS, Stream
from fieldwork.warehouse import staging
from fieldwork.warehouse.schema import core, ops, ref

from .settle import close_batch, merge_batch


def release_held(connection: sa.Connection, settings: Settings, *, run_id: str) -> dict[str, int]:
    """Load the held rows whose person and account are known now; returns how many by stream."""
    released: dict[str, int] = {}
    for stream in STREAMS.values():
        if stream.person is None or stream.name in {"employees", "crm_users"}:
            continue
        for system in _systems(connection, stream):
            ready = list(connection.execute(_ready(stream, system)).scalars())
            if not ready:
                continue
            batch_id = _batch(connection, run_id, system, stream, len(ready))
            _fill(connection, stream, batch_id, ready)
            connection.execute(
                sa.update(ops.quarantine)
                .where(ops.quarantine.c.quarantine_id == sa.any_(sa.literal(ready, ARRAY(sa.BigInteger))))
                .values(status="replayed", settled_at=sa.func.now())
            )
            merged, aside, touched = merge_batch(connection, settings, stream, system, batch_id)
            outcome = {
                "extracted": len(ready),
                "loaded": merged.loaded,
                "unchanged": merged.unchanged,
                "quarantined": aside,
                "duplicate": merged.duplicate,
                "out_of_scope": 0,
            }
            close_batch(connection, stream, batch_id, outcome, touched)
            released[stream.name] = released.get(stream.name, 0) + len(ready)
    return released


def _systems(connection: sa.Connection, stream: Stream) -> list[str]:
    q = ops.quarantine.c
    query = sa.select(q.system).where(q.stream == stream.name, q.status == "held").distinct()
    return list(connection.execute(query).scalars())


def _ready(stream: Stream, system: str) -> sa.Select[Any]:
    q, link = ops.quarantine.c, ref.identity.c
    owner = effective()[stream.person].astext
    known: list[sa.ColumnElement[bool]] = [sa.exists().where(link.system == system, link.external_id == owner)]
    if "account_id" in stream.columns:
        account = effective()["account_id"].astext
        known.append(sa.or_(account.is_(None), sa.exists().where(core.account.c.account_id == account)))
    return (
        sa.select(q.quarantine_id)
        .where(q.system == system, q.stream == stream.name, q.status == "held", *known)
        .order_by(q.quarantine_id)
    )


def _batch(connection: sa.Connection, run_id: str, system: str, stream: Stream, rows: int) -> int:
    batch_id: int = connection.execute(
        sa.insert(ops.batch)
        .values(
            run_id=run_id,
            system=system,
            stream=stream.name,
            kind="replay",
            state="checked",
            extracted=rows,
            opened_at=sa.func.clock_timestamp(),
        )
        .returning(ops.batch.c.batch_id)
    ).scalar_one()
    return batch_id


def _fill(connection: sa.Connection, stream: Stream, batch_id: int, quarantined: list[int]) -> None:
    staging.create(connection, stream, batch_id)
    table = staging.table(stream, batch_id)
    q = ops.quarantine.c
    columns = {name: sa.cast(effective()[name].astext, table.c[name].type) for name in stream.columns}
    query = (
        sa.select(*columns.values())
        .where(q.quarantine_id == sa.any_(sa.literal(quarantined, ARRAY(sa.BigInteger))))
        .order_by(q.quarantine_id)
    )
    connection.execute(sa.insert(table).from_select(list(columns), query))
