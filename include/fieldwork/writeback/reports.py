"""What the command line and people ask about write-back: where it stands, the last batches, what was refused."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from fieldwork.warehouse.schema import ops, write

from .statements import read

Rows = list[dict[str, Any]]


def status(engine: sa.Engine) -> Rows:
    """One row a CRM and kind: what waits, what was refused, conflicts, what was undone, calls, the last batch."""
    return _ask(engine, "status")


def recent_batches(engine: sa.Engine, *, limit: int) -> Rows:
    """The last batches that sent something, newest first."""
    return _ask(engine, "recent_batches", limit=limit)


def rejects(engine: sa.Engine, *, kind: str | None = None, code: str | None = None, limit: int | None = None) -> Rows:
    """Records that the CRM refused for good, with its own words, newest first."""
    return _ask(engine, "rejects", kind=kind, code=code, limit=limit)


def try_again(engine: sa.Engine, *, kind: str | None, code: str | None, who: str) -> int:
    """Refused records are sent again by the next run: somebody mended the CRM. Returns how many."""
    r = write.receipt.c
    chosen = [sa.true() if wanted is None else column == wanted for column, wanted in ((r.kind, kind), (r.code, code))]
    with engine.begin() as connection:
        count = connection.execute(
            sa.update(write.receipt)
            .where(sa.not_(r.ok), r.refused_hash.is_not(None), *chosen)
            .values(refused_hash=None, refused_fields=None, look_again=True)
        ).rowcount
        connection.execute(
            sa.insert(ops.audit_log).values(
                at=sa.func.clock_timestamp(), who=who, action="let refused records be tried again", rows=count,
                detail={"kind": kind, "code": code},
            )
        )  # fmt: skip
    return count


def note_look(engine: sa.Engine, *, who: str, purpose: str, rows: int) -> None:
    """Somebody looked at what people typed into the CRM: it stands in the audit log."""
    with engine.begin() as connection:
        connection.execute(
            sa.insert(ops.audit_log).values(
                at=sa.func.clock_timestamp(), who=who, action="read values of conflicts", purpose=purpose, rows=rows
            )
        )


def _ask(engine: sa.Engine, name: str, **parameters: Any) -> Rows:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(sa.text(read(name)), parameters).mappings()]
