"""Conflicts with people's edits: list them, and decide. A decision is carried out by the next run, and only while what
stands in the CRM is what was decided about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from fieldwork.errors import ConfigError
from fieldwork.warehouse.schema import ops, write


@dataclass(frozen=True, slots=True)
class Conflict:
    """One row of ``ops.conflict``; ``field`` is * when it is over the whole record."""

    conflict_id: int
    kind: str
    key: str
    field: str
    reason: str
    sent: Any
    theirs: Any
    wanted: Any
    state: str
    found_at: datetime


def undecided(engine: sa.Engine, system: str | None = None, *, limit: int | None = None) -> list[Conflict]:
    """Conflicts that nobody has decided and no run has found over, newest first; of one CRM, or of all."""
    c = write.conflict.c
    columns = [c[name] for name in Conflict.__dataclass_fields__]
    query = sa.select(*columns).where(c.state == "open").order_by(c.found_at.desc(), c.conflict_id)
    if system is not None:
        query = query.where(c.system == system)
    with engine.connect() as connection:
        return [Conflict(*row) for row in connection.execute(query.limit(limit))]


def take_ours(engine: sa.Engine, ids: Sequence[int], *, who: str) -> int:
    """Our value is to be written over theirs, or the lost record made again, by the next run; returns how many.

    Raises ConfigError, with nothing decided, when one of the ids is no conflict that can be decided.
    """
    return _decide(engine, ids, "ours", who)


def keep_theirs(engine: sa.Engine, ids: Sequence[int], *, who: str) -> int:
    """Theirs stands, and is asked about no more until they change it; returns how many. Raises as :func:`take_ours`."""
    return _decide(engine, ids, "kept", who)


def _decide(engine: sa.Engine, ids: Sequence[int], state: str, who: str) -> int:
    c = write.conflict.c
    with engine.begin() as connection:
        decided = connection.execute(
            sa.update(write.conflict)
            .where(c.conflict_id.in_(ids), c.state.in_(["open", "ours", "kept"]))
            .values(state=state, decided_by=who, settled_at=sa.func.clock_timestamp())
            .returning(c.conflict_id)
        ).all()
        missing = sorted({*ids} - {row.conflict_id for row in decided})
        if missing:
            raise ConfigError(
                f"There is no conflict {', '.join(map(str, missing))} to decide.", todo="See `fieldwork crm conflicts`."
            )
        connection.execute(
            sa.insert(ops.audit_log).values(
                at=sa.func.clock_timestamp(),
                who=who,
                action="decided conflicts with the CRM",
                purpose={"ours": "take ours", "kept": "keep theirs"}[state],
                rows=len(decided),
                detail={"conflicts": sorted(ids)},
            )
        )
    return len(decided)
