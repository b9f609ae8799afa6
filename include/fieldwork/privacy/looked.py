"""Who looked at whole rows: one entry in ``ops.audit_log`` beside what was read, in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from fieldwork.warehouse.schema import ops


def at_quarantined_rows(connection: sa.Connection, *, who: str, purpose: str, ids: Sequence[int]) -> None:
    """Note that the values of these quarantined rows were shown."""
    connection.execute(
        sa.insert(ops.audit_log).values(
            at=sa.func.clock_timestamp(),
            who=sa.func.concat(sa.func.session_user(), ", ", who),
            action="read quarantined rows",
            purpose=purpose,
            rows=len(ids),
            detail={"quarantine_ids": list(ids)},
        )
    )
