"""A CRM in memory with the shape of CrmTarget, and mart rows to write to it.

It stands in for the connector, because the tests here are about outbox and receipts; the wire is tested with the
connectors, the two together in tests/e2e.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from fieldwork.connectors.base import RowResult
from fieldwork.warehouse.schema import core, mart, ops, write

NOW = datetime(2026, 11, 8, tzinfo=UTC)


class MemoryCrm:
    """Keeps what it is given. ``answer`` may refuse a row, ``before`` may fail a call."""

    system = "salesforce"
    batch_size = 2
    parallel = 2

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], dict[str, Any]] = {}
        self.calls: list[tuple[str, list[str]]] = []
        self.tables: list[pa.Table] = []
        self.answer: Callable[[str, str], RowResult | None] = lambda kind, key: None
        self.before: Callable[[str, list[str]], None] = lambda kind, keys: None
        self._lock = threading.Lock()

    def current(self, kind: str, keys: Sequence[str]) -> pa.Table:
        raise NotImplementedError

    def preflight(self, kind: str) -> None:
        """This CRM lets us write everything."""

    def upsert(self, kind: str, rows: pa.Table) -> Sequence[RowResult]:
        keys = rows.column("key").to_pylist()
        with self._lock:
            self.calls.append((kind, keys))
            self.tables.append(rows)
        self.before(kind, keys)
        return [self._one(kind, row) for row in rows.to_pylist()]

    def _one(self, kind: str, row: dict[str, Any]) -> RowResult:
        key = row.pop("key")
        refusal = self.answer(kind, key)
        if refusal is not None:
            return refusal
        with self._lock:
            created = (kind, key) not in self.records
            self.records[kind, key] = row
        return RowResult(key, ok=True, created=created, crm_id=f"id-{key}")


def run(engine: sa.Engine, run_id: str = "r1", *, dry_run: bool = False) -> str:
    """A planned run."""
    with engine.begin() as connection:
        connection.execute(
            sa.insert(ops.run).values(
                run_id=run_id,
                since=date(2026, 11, 2),
                until=date(2026, 11, 7),
                as_of=NOW,
                streams=["visits"],
                full_read=False,
                dry_run=dry_run,
                state="running",
                started_at=NOW,
            )
        )
    return run_id


def visit(engine: sa.Engine, visit_id: str, employee_id: str = "E1", **more: Any) -> None:
    """A judged visit in mart."""
    values = {
        "work_date": date(2026, 11, 3), "verdict": "verified", "reason": "In time and in range.",
        "checked_in_at": datetime(2026, 11, 3, 1, 2, 3, tzinfo=UTC), "minutes_off": 0, "distance_m": 12.5,
        "accuracy_m": 20.0, "rule_version": "2000-1", "published_at": NOW,
    } | more  # fmt: skip
    with engine.begin() as connection:
        connection.execute(sa.insert(mart.visit_check).values(employee_id=employee_id, visit_id=visit_id, **values))


def day(engine: sa.Engine, employee_id: str = "E1", work_date: date = date(2026, 11, 3), **more: Any) -> None:
    """A published person-day in mart."""
    counts = [
        "worked_minutes", "late_minutes", "early_minutes", "overtime_minutes", "exposure_minutes", "visits_planned",
        "visits_done", "visits_verified", "tasks_due", "tasks_on_time", "follow_ups", "opportunities_created",
        "opportunities_won",
    ]  # fmt: skip
    values = dict.fromkeys(counts, 0) | {
        "team": "North", "status": "present", "amount_won": 0, "rule_version": "2000-1", "published_at": NOW,
    } | more  # fmt: skip
    with engine.begin() as connection:
        connection.execute(
            sa.insert(mart.performance_day).values(employee_id=employee_id, work_date=work_date, **values)
        )


def crm_user(engine: sa.Engine, crm_user_id: str, employee_id: str | None = "E1", *, active: bool = True) -> None:
    """A CRM user who is this person."""
    with engine.begin() as connection:
        connection.execute(
            sa.insert(core.crm_user).values(
                crm_user_id=crm_user_id,
                employee_id=employee_id,
                name="Li Na",
                active=active,
                system="salesforce",
                batch_id=1,
                loaded_at=NOW,
            )
        )


def outbox(engine: sa.Engine) -> list[tuple[str, str, str, int]]:
    """Kind, key, state and attempts of every change, oldest first."""
    o = write.outbox.c
    with engine.connect() as connection:
        rows = connection.execute(sa.select(o.kind, o.key, o.state, o.attempts).order_by(o.outbox_id))
        return [tuple(row) for row in rows]


def receipt(engine: sa.Engine, kind: str, key: str) -> dict[str, Any]:
    """The one receipt of this record."""
    query = sa.select(write.receipt).where(write.receipt.c.kind == kind, write.receipt.c.key == key)
    with engine.connect() as connection:
        return dict(connection.execute(query).mappings().one())
