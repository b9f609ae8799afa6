"""A company whose people and ids change from load to load: what the tests of identity tell their stories with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.settings import Settings
from fieldwork.steps.build import build
from fieldwork.steps.load import load
from fieldwork.steps.publish import publish
from fieldwork.warehouse import ledger

from .rows import at, planned, rows_of, staged

LINKS = (
    "select external_id, employee_id, nullif(valid_from, '1900-01-01')::text, valid_to::text, rule "
    "from ref.identity order by 1, ref.identity.valid_from"
)
OPEN = "select external_id, reason, candidates from ops.identity_review where status = 'open' order by 1, 2"


class Company:
    """Loads, one a call, each in a run of its own."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine, self.settings, self.runs = engine, settings, 0

    def on(self, day: int) -> Settings:
        """The settings, early on that day of November 2026 in Shanghai."""
        return replace(self.settings, fixed_now=datetime(2026, 11, day, 3, tzinfo=UTC))

    def load(self, system: str = "dingtalk", on: int = 8, **streams: Any) -> dict[str, Any]:
        """What a run reads on that day; it asks for the days from 2 November to the day before."""
        settings = self.on(on)
        self.runs += 1
        days = {"since": date(2026, 11, 2), "until": max(date(2026, 11, on), date(2026, 11, 3))}
        run_id = planned(self.engine, settings, f"run-{self.runs}", as_of=settings.now(), **days)
        staged(self.engine, settings, run_id, system, **streams)
        return load(self.engine, settings, run_id=run_id)

    def publish(self) -> dict[str, Any]:
        """Build and publish what the last run asked for, and end it; returns the counts of performance_day."""
        run_id = f"run-{self.runs}"
        build(self.engine, self.settings, run_id=run_id)
        published = publish(self.engine, self.settings, run_id=run_id)["performance_day"]
        with self.engine.begin() as connection:
            ledger.finish_run(connection, run_id)
        return dict(published)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        return rows_of(self.engine, query)

    def links(self, external_id: str) -> list[tuple[Any, ...]]:
        return [link[1:] for link in self.ask(LINKS) if link[0] == external_id]

    def touched(self) -> list[tuple[str, str]]:
        found = self.ask("select employee_id, work_date::text from ops.touched order by 1, 2")
        return [(employee, day[5:]) for employee, day in found]

    def forget_touched(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.text("delete from ops.touched"))

    def owners(self, table: str = "punch", key: str = "record_id") -> dict[str, str]:
        return dict(self.ask(f"select {key}, employee_id from core.{table} order by 1"))  # type: ignore[arg-type]

    def teams(self, employee_id: str) -> list[str]:
        """The person's published team, day by day."""
        query = f"select team from mart.performance_day where employee_id = '{employee_id}' order by work_date"
        return [team for (team,) in self.ask(query)]


def punch(record_id: str, user_id: str, day: int, kind: str = "in", clock: str = "09:00") -> dict[str, Any]:
    return {"record_id": record_id, "user_id": user_id, "punched_at": at(f"2026-11-{day:02} {clock}"), "kind": kind}


def visit(visit_id: str, owner_id: str, day: int, **more: Any) -> dict[str, Any]:
    return {
        "visit_id": visit_id, "owner_id": owner_id, "planned_start": at(f"2026-11-{day:02} 10:00"),
        "planned_end": at(f"2026-11-{day:02} 11:00"), "status": "planned", "deleted": False,
        "modified_at": at("2026-11-01 08:00"),
    } | more  # fmt: skip
