"""A real CRM server beside a real warehouse: so many judged visits and person-days, and the records that they mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.connectors.salesforce import SalesforceTarget
from fieldwork.connectors.salesforce import options as salesforce_options
from fieldwork.connectors.salesforce.client import SalesforceClient
from fieldwork.connectors.transport import Limits
from fieldwork.sandbox.running import CLIENT_ID, CLIENT_SECRET
from fieldwork.sandbox.up import Sandbox, serving
from fieldwork.settings import Settings, merge
from fieldwork.steps.write_back import send_difference
from tests.connectors.loopback import transport
from tests.sandbox.small import ACCOUNTS, USERS, company, visits

_QUICK = Limits(connect_s=5, read_s=20, total_s=60)

FIRST = date(2026, 9, 1)
OBJECTS = {"visit": "Event", "performance": "Daily_Performance__c"}
#: What Salesforce says about a record's last change.
STAMPS = {"SystemModstamp", "LastModifiedDate", "LastModifiedById", "CreatedDate"}

_VISITS = """
insert into mart.visit_check (employee_id, visit_id, work_date, verdict, reason_code, reason, checked_in_at,
    minutes_off, distance_m, accuracy_m, signals, rule_version, published_at)
select 'E' || n % 500, '00U' || lpad(n::text, 4, '0'), :first + n % 60, 'verified', 'on_site', 'In time and in range.',
    timestamptz '2026-09-01 01:02:03Z' + n * interval '1 minute', n % 7, 12.5, 20.0, '{}', '2000-1', now()
from generate_series(0, :count - 1) as n
"""
_DAYS = """
insert into mart.performance_day (employee_id, work_date, team, status, worked_minutes, late_minutes, early_minutes,
    overtime_minutes, exposure_minutes, visits_planned, visits_done, visits_verified, tasks_due, tasks_on_time,
    follow_ups, opportunities_created, opportunities_won, amount_won, performance_index, rule_version, published_at)
select 'E' || n / 60, :first + n % 60, 'North', 'present', 480, 0, 0, 0, 480, n % 9, n % 5, n % 4, 2, 1, 1, 0, 0,
    (n % 1000) * 1.37, (n % 10000) / 100.0, '2000-1', now()
from generate_series(0, :count - 1) as n
"""
#: Person-days come last: a publication of its own, later than all before.
_RESTATE = {
    "visit": """
        update mart.visit_check
        set minutes_off = minutes_off + 10, verdict = 'off_schedule', published_at = clock_timestamp()
        where right(visit_id, 4)::int % :every = 0
    """,
    "performance": """
        update mart.performance_day set visits_done = visits_done + 1, performance_index = 1.5, status = 'late',
            published_at = clock_timestamp()
        where (extract(doy from work_date)::int + substr(employee_id, 2)::int) % :every = 0
    """,
}


@dataclass
class World:
    """Records of both kinds in the warehouse, and a CRM that has the visits."""

    engine: Engine
    settings: Settings
    sandbox: Sandbox
    target: SalesforceTarget

    def send(self, run_id: str, **more: Any) -> dict[str, dict[str, Any]]:
        """One write-back."""
        return send_difference(self.engine, self.settings, self.target, run_id=run_id, **more)

    def restate(self, every: int = 1) -> None:
        """New values for every n-th row of both kinds, published."""
        with self.engine.begin() as connection:
            for statement in _RESTATE.values():
                connection.execute(sa.text(statement), {"every": every})

    def records(self, kind: str) -> dict[str, dict[str, Any]]:
        """Live records of a kind by id, without what Salesforce says about their last change."""
        return {
            record["Id"]: {name: value for name, value in record.items() if name not in STAMPS}
            for record in self.sandbox.records(OBJECTS[kind])
            if not record["IsDeleted"]
        }

    def ours(self, kind: str) -> dict[str, dict[str, Any]]:
        """What stands in our fields of the CRM, by key."""
        table = self.settings.section("salesforce", "write", kind)
        fields = {name: field for name, field in table.items() if name not in {"object", "key", "write_key"}}
        return {
            record[table["key"]]: {name: record[field] for name, field in fields.items()}
            for record in self.records(kind).values()
        }

    def intended(self, kind: str) -> dict[str, dict[str, Any]]:
        """What should stand there, straight from the published rows."""
        names = {"visit": _VISIT_FIELDS, "performance": _DAY_FIELDS}[kind]
        table = {"visit": "visit_check", "performance": "performance_day"}[kind]
        key = {"visit": "visit_id", "performance": "employee_id || ':' || to_char(work_date, 'YYYY-MM-DD')"}[kind]
        columns = ", ".join(f"{column} as {name}" for name, column in names.items())
        with self.engine.connect() as connection:
            found = connection.execute(sa.text(f"select {key} as key, {columns} from mart.{table}")).mappings()
            return {row["key"]: {name: _value(row[name]) for name in names} for row in found}

    def executed(self) -> dict[str, int]:
        """How often the CRM executed each of our writes, by the name of the write; what undoes put back left out."""
        counts: dict[str, int] = {}
        for entry in self.sandbox.salesforce._journal.replay():
            name = entry["values"].get("Fieldwork_Write__c")
            if name:
                counts[name] = counts.get(name, 0) + 1
        return counts

    def calls(self) -> int:
        """Calls that the CRM has counted."""
        door = self.sandbox.salesforce.door
        return door.allowed - door.remaining


_VISIT_FIELDS = {
    "checkin_verdict": "verdict", "checkin_at": "checked_in_at", "checkin_minutes_off": "minutes_off",
    "checkin_reason": "reason",
}  # fmt: skip
_DAY_FIELDS = {
    "user": "null::text", "work_date": "work_date", "status": "status", "visits_planned": "visits_planned",
    "visits_done": "visits_done", "visits_verified": "visits_verified", "tasks_due": "tasks_due",
    "tasks_on_time": "tasks_on_time", "follow_ups": "follow_ups", "opportunities_created": "opportunities_created",
    "opportunities_won": "opportunities_won", "amount_won": "amount_won::float8",
    "performance_index": "round(performance_index::numeric, 2)::float8", "rule_version": "rule_version",
}  # fmt: skip


def _value(value: Any) -> Any:
    return value.astimezone(UTC) if hasattr(value, "astimezone") else value


@contextmanager
def world(
    engine: Engine, settings: Settings, *, visits_count: int, days: int, over: Mapping[str, Any] | None = None
) -> Iterator[World]:
    """So many visits and person-days; the CRM has the visits, and no person-day yet.

    ``over`` is laid over the configuration of the connection; without it records go in collections, not as jobs.
    """
    over = {"salesforce": {"bulk_from": 0}} if over is None else over
    with engine.begin() as connection:
        connection.execute(sa.text(_VISITS), {"first": FIRST, "count": visits_count})
        connection.execute(sa.text(_DAYS), {"first": FIRST, "count": days})
    with serving(company(crm_users=USERS, accounts=ACCOUNTS, visits=visits(visits_count))) as sandbox:
        yield World(engine, settings, sandbox, connect(sandbox.crm_url, merge(settings.config, over or {})))


def connect(url: str, config: Mapping[str, Any], *, batch_size: int = 200) -> SalesforceTarget:
    """A target onto the CRM server at ``url``; calls are not spaced out."""
    options = salesforce_options.options(config)
    client = SalesforceClient(transport(url, system="Salesforce", limits=_QUICK), CLIENT_ID, CLIENT_SECRET)
    target = SalesforceTarget(client, options)
    target.batch_size = batch_size
    return target
