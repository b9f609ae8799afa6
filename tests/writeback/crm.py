"""A CRM in memory with the shape of CrmTarget, and mart rows to write to it.

It stands in for the connector, because the tests here are about outbox and receipts; the wire is tested with the
connectors, the two together in tests/e2e.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from fieldwork.connectors.base import CHANGED, LIVE, Quota, RowResult
from fieldwork.errors import ApiShareUsed
from fieldwork.warehouse.schema import core, mart, ops, write
from fieldwork.writeback.fields import FIELDS

NOW = datetime(2026, 11, 8, tzinfo=UTC)


class MemoryCrm:
    """Keeps what it is given. ``answer`` may refuse a row, ``before`` may fail a call, ``after`` may lose its answer.

    ``calls`` holds the writes, ``reads`` the keys that were asked for. ``edit`` and ``remove`` are what people do.
    """

    system = "salesforce"
    batch_size = 2
    parallel = 2

    def __init__(self, *, has_write_key: bool = True) -> None:
        self.records: dict[tuple[str, str], dict[str, Any]] = {}
        self.write_keys: dict[tuple[str, str], str | None] = {}
        self.edited: set[tuple[str, str]] = set()
        self.writes: list[tuple[str, list[str]]] = []
        self.reads: list[list[str]] = []
        self.tables: list[pa.Table] = []
        self.answer: Callable[[str, str], RowResult | None] = lambda kind, key: None
        self.before: Callable[[str, list[str]], None] = lambda kind, keys: None
        self.after: Callable[[str, list[str]], None] = lambda kind, keys: None
        self.granted: int | None = None
        self.made = 0
        self._most: int | None = None
        self._has_write_key = has_write_key
        self._lock = threading.Lock()

    # --- what people do

    def edit(self, kind: str, key: str, **values: Any) -> None:
        """Somebody edits a record."""
        self.records[kind, key] |= values
        self.edited.add((kind, key))

    def remove(self, kind: str, key: str) -> None:
        """Somebody deletes a record."""
        del self.records[kind, key]

    # --- the target

    @property
    def calls(self) -> int:
        return self.made

    def allow(self, calls: int | None) -> None:
        self._most = None if calls is None else self.made + calls

    def quota(self) -> Quota | None:
        if self.granted is None:
            return None
        self._count()
        return Quota(self.granted, self.granted - self.made)

    def predict(self, kind: str, rows: int, key_bytes: int) -> int:
        page = self.page_size(kind, key_bytes)
        return -(-rows // page) + -(-rows // self.batch_size)

    def preflight(self, kind: str) -> None:
        """This CRM lets us write everything."""

    def creates(self, kind: str) -> bool:
        return True

    def page_size(self, kind: str, key_bytes: int) -> int:
        return 4

    def current(self, kind: str, keys: Sequence[str]) -> pa.Table:
        self._count()
        with self._lock:
            self.reads.append(list(keys))
            found = [key for key in keys if (kind, key) in self.records]
            rows = [
                {
                    "key": key,
                    "crm_id": f"id-{key}",
                    "write_key": self.write_keys.get((kind, key)),
                    "by_others": (kind, key) in self.edited,
                    **self.records[kind, key],
                }
                for key in found
            ]
        types = {"key": pa.string(), **LIVE, **FIELDS[kind]}
        return pa.Table.from_pylist(rows, schema=pa.schema(list(types.items())))

    def upsert(self, kind: str, rows: pa.Table) -> Sequence[RowResult]:
        keys = self._called(kind, rows)
        answers = [self._one(kind, row) for row in rows.to_pylist()]
        self.after(kind, keys)
        return answers

    def delete(self, kind: str, rows: pa.Table) -> Sequence[RowResult]:
        keys = self._called(kind, rows)
        for key in keys:
            self.records.pop((kind, key), None)
        self.after(kind, keys)
        return [RowResult(key, True) for key in keys]

    def _called(self, kind: str, rows: pa.Table) -> list[str]:
        self._count()
        keys: list[str] = rows.column("key").to_pylist()
        with self._lock:
            self.writes.append((kind, keys))
            self.tables.append(rows)
        self.before(kind, keys)
        return keys

    def _count(self) -> None:
        with self._lock:
            if self._most is not None and self.made >= self._most:
                raise ApiShareUsed("Spent.", todo="Wait.")
            self.made += 1

    def _one(self, kind: str, row: dict[str, Any]) -> RowResult:
        key, changed = row.pop("key"), row.pop(CHANGED)
        mark = row.pop("write_key", None)
        refusal = self.answer(kind, key)
        if refusal is not None:
            return refusal
        with self._lock:
            created = (kind, key) not in self.records
            self.records.setdefault((kind, key), {}).update({name: row[name] for name in changed if name in row})
            if self._has_write_key:
                self.write_keys[kind, key] = mark
            self.edited.discard((kind, key))
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
    if "published_at" not in more:
        more["published_at"] = later(engine)
    values = {
        "work_date": date(2026, 11, 3), "verdict": "verified", "reason_code": "on_site",
        "reason": "In time and in range.",
        "checked_in_at": datetime(2026, 11, 3, 1, 2, 3, tzinfo=UTC), "minutes_off": 0, "distance_m": 12.5,
        "accuracy_m": 20.0, "signals": [], "rule_version": "2000-1",
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
        "team": "North", "status": "present", "amount_won": 0, "rule_version": "2000-1", "published_at": later(engine),
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


def told(done: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a run says of each kind: the numbers that are not zero, without ids and calls."""
    aside = {"batch", "predicted_calls", "used_calls"}
    return {
        kind: {name: n for name, n in counts.items() if n and name not in aside}
        for kind, counts in done.items()
        if isinstance(counts, dict)
    }


def later(engine: sa.Engine) -> datetime:
    """An instant of publication after all others."""
    with engine.connect() as connection:
        tables = (mart.visit_check, mart.performance_day)
        latest = [connection.execute(sa.select(sa.func.max(t.c.published_at))).scalar_one() for t in tables]
    return max([NOW, *(one for one in latest if one)]) + timedelta(seconds=1)


def change_visit(engine: sa.Engine, visit_id: str, **values: Any) -> None:
    """A visit is judged anew and published."""
    values = {"published_at": later(engine)} | values
    with engine.begin() as connection:
        connection.execute(sa.update(mart.visit_check).where(mart.visit_check.c.visit_id == visit_id).values(**values))


def remove_visit(engine: sa.Engine, visit_id: str) -> None:
    """A visit is taken out of the joined dataset."""
    with engine.begin() as connection:
        connection.execute(sa.delete(mart.visit_check).where(mart.visit_check.c.visit_id == visit_id))
