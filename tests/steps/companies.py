"""Random companies with all that the joined dataset is made of, through the real steps: loaded, built and published."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.settings import Settings
from fieldwork.steps.build import build
from fieldwork.steps.load import load
from fieldwork.steps.publish import publish
from tests.oracle import companies
from tests.oracle.companies import SINCE, UNTIL
from tests.oracle.section6 import ZONE
from tests.steps.rows import planned, staged

Rows = dict[str, list[dict[str, Any]]]
SYSTEMS: Final = {
    "dingtalk": ("employees", "punches", "leave"),
    "salesforce": ("crm_users", "accounts", "visits", "tasks", "opportunities"),
}
_BEGIN: Final = datetime(SINCE.year, SINCE.month, SINCE.day, tzinfo=ZONE)


def facts(seeds: Sequence[int]) -> Rows:
    """The rows of these companies by stream, with tasks and opportunities of their people."""
    every: Rows = {stream: [] for streams in SYSTEMS.values() for stream in streams}
    for seed in seeds:
        company, pick = companies.company(seed), Random(seed)
        for stream in ("employees", "punches", "leave", "crm_users", "accounts", "visits"):
            every[stream] += [dict(row) for row in getattr(company, stream)]
        for employee in every["employees"]:
            employee.setdefault("team", pick.choice(["North", "South", None]))
        owners = [row["crm_user_id"] for row in company.crm_users]
        accounts = [row["account_id"] for row in company.accounts]
        every["tasks"] += [_task(pick, f"t{seed}-{n}", owners, accounts) for n in range(30)]
        every["opportunities"] += [_opportunity(pick, f"o{seed}-{n}", owners) for n in range(25)]
    return every


def run(engine: sa.Engine, settings: Settings, run_id: str, every: Rows) -> None:
    """Load the rows in one run over the companies' days, build and publish."""
    planned(engine, settings, run_id, since=SINCE, until=UNTIL)
    for system, streams in SYSTEMS.items():
        staged(engine, settings, run_id, system, **{stream: every[stream] for stream in streams})
    load(engine, settings, run_id=run_id)
    build(engine, settings, run_id=run_id)
    publish(engine, settings, run_id=run_id)


def _instant(pick: Random) -> datetime:
    """Somewhere in the days of activity, often near midnight."""
    day = _BEGIN + timedelta(days=pick.randint(1, 27))
    return day + timedelta(seconds=pick.choice([-1, 0, 1, 86_399, pick.randint(0, 86_399)]))


def _task(pick: Random, task_id: str, owners: Sequence[str], accounts: Sequence[str]) -> dict[str, Any]:
    status = pick.choice(["open", "done", "done", "done", "cancelled"])
    due_on: date = _instant(pick).date()
    late = timedelta(days=pick.choice([-1, 0, 0, 1]))
    return {
        "task_id": task_id, "owner_id": pick.choice(owners), "account_id": pick.choice([None, *accounts]),
        "due_on": due_on, "status": status, "deleted": pick.random() < 0.1,
        "completed_at": _instant(pick).replace(year=due_on.year, month=due_on.month, day=due_on.day) + late
        if status == "done" else None,
    }  # fmt: skip


def _opportunity(pick: Random, opportunity_id: str, owners: Sequence[str]) -> dict[str, Any]:
    return {
        "opportunity_id": opportunity_id, "owner_id": pick.choice(owners), "stage": "s",
        "amount": pick.choice([None, 10, Decimal(pick.randint(1, 10**6)) / 4]),
        "currency": pick.choice([None, "CNY", "USD", "usd"]),
        "created_at": _instant(pick), "closed_on": pick.choice([None, _instant(pick).date()]),
        "is_won": pick.random() < 0.6, "deleted": pick.random() < 0.1,
    }  # fmt: skip
