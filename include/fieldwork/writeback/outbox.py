"""The outbox: what is to be sent stands here, committed, before the first call; a run that dies leaves it pending.

From ``pg_temp.difference`` into ``ops.outbox``, and from there as Arrow tables to the connector.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import sqlalchemy as sa

from fieldwork.warehouse.schema import write

from .fields import FIELDS
from .statements import read


def enqueue(connection: sa.Connection, *, run_id: str, system: str, kind: str) -> None:
    """Make the pending changes equal to the staged difference; older ones that are no longer wanted are superseded."""
    where = {"system": system, "kind": kind}
    connection.execute(sa.text(read("supersede")), where)
    connection.execute(sa.text(read("enqueue")), {**where, "run_id": run_id})


def note(connection: sa.Connection, *, run_id: str, system: str, kinds: Sequence[str]) -> None:
    """One entry in ``ops.audit_log`` about everything that is pending now."""
    connection.execute(sa.text(read("audit")), {"run_id": run_id, "system": system, "kinds": list(kinds)})


def pending(connection: sa.Connection, system: str, kind: str) -> list[int]:
    """Ids of the pending changes, oldest first; also those that an earlier run left."""
    o = write.outbox.c
    query = sa.select(o.outbox_id).where(o.system == system, o.kind == kind, o.state == "pending")
    return list(connection.execute(query.order_by(o.outbox_id)).scalars())


def rows(connection: sa.Connection, kind: str, fields: Sequence[str], ids: Sequence[int]) -> pa.Table:
    """These changes in the order of ``ids``: column ``key``, then the fields with the types of :data:`FIELDS`."""
    o = write.outbox.c
    columns = [o.payload[name].astext for name in fields]
    query = sa.select(o.outbox_id, o.key, *columns).where(o.outbox_id.in_(ids))
    found = {row[0]: row[1:] for row in connection.execute(query)}
    texts = zip(*(found[outbox_id] for outbox_id in ids), strict=True)
    types = {"key": pa.string(), **{name: FIELDS[kind][name] for name in fields}}
    return pa.table(
        {name: pa.array(text, pa.string()).cast(kept) for (name, kept), text in zip(types.items(), texts, strict=True)}
    )
