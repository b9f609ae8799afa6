"""Weird companies through the real steps, no HTTP: every joined row is what the plain reading of the design says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from fieldwork.settings import Settings
from fieldwork.steps.build import build
from fieldwork.steps.load import load
from fieldwork.steps.publish import publish
from fieldwork.warehouse.schema import mart
from tests.oracle import companies, section6, visit_day
from tests.oracle.companies import SINCE, UNTIL
from tests.steps.rows import planned, rows_of, staged

DAYS = [SINCE + timedelta(days=n) for n in range((UNTIL - SINCE).days)]
STATUSES = {"holiday", "rest", "leave", "absent", "incomplete", "late", "early", "present"}
VERDICTS = {"verified", "off_schedule", "out_of_range", "unverifiable", "no_check_in"}
UNMATCHED = {"already_proven", "other_hour", "off_plan", "too_far", "no_customer_near", "null_island"}
#: the shown differences; more of the same help nobody
SHOWN = 12

Rows = dict[Any, dict[str, Any]]


def published(warehouse: sa.Engine, table: sa.Table, *key: str) -> Rows:
    with warehouse.connect() as connection:
        found = connection.execute(sa.select(table)).mappings()
        return {(row[key[0]] if len(key) == 1 else tuple(row[k] for k in key)): dict(row) for row in found}


def journey(warehouse: sa.Engine, settings: Settings, run_id: str, every: Sequence[section6.Company]) -> int:
    """All companies in one run: loaded, built and published; returns how many pairs were contested."""
    planned(warehouse, settings, run_id, since=SINCE, until=UNTIL)
    for system, streams in (
        ("dingtalk", ("employees", "punches", "leave")),
        ("salesforce", ("crm_users", "accounts", "visits")),
    ):
        rows = {name: [row for one in every for row in getattr(one, name)] for name in streams}
        staged(warehouse, settings, run_id, system, **rows)
    load(warehouse, settings, run_id=run_id)
    contested = build(warehouse, settings, run_id=run_id)["contested"]
    publish(warehouse, settings, run_id=run_id)
    return int(contested)


def shown(value: Any) -> str:
    return f"{section6.local(value):%m-%d %H:%M:%S}" if isinstance(value, datetime) else str(value)


def same(ours: Any, theirs: Any) -> bool:
    """Metres are published with one decimal."""
    if isinstance(ours, float) and isinstance(theirs, float):
        return abs(ours - theirs) <= 0.051
    return bool(ours == theirs)


def differences(ours: Rows, theirs: Rows) -> Iterator[tuple[Any, str]]:
    """Key and what differs: the oracle's value, then the product's."""
    for key in sorted(ours.keys() | theirs.keys()):
        if key not in theirs or key not in ours:
            yield key, "the product has no such row" if key in ours else "the product has a row too many"
            continue
        wrong = [n for n, value in ours[key].items() if not same(value, theirs[key][n])]
        if wrong:
            yield key, ", ".join(f"{n} {shown(ours[key][n])} but {shown(theirs[key][n])}" for n in wrong)


def facts_of(company: section6.Company, employee_id: str, day: date) -> list[str]:
    """What is known of a person around a day, one fact a line."""
    (employee,) = [e for e in company.employees if section6.person_of(e) == employee_id]
    owner = f"c{employee['user_id']}"
    rows = [r for r in (*company.punches, *company.leave) if r["user_id"] == employee["user_id"]]
    rows += [r for r in company.visits if r["owner_id"] == owner]
    timed = [(r.get("punched_at") or r.get("start_at") or r.get("planned_start"), r) for r in rows]
    near = [(when, r) for when, r in timed if when and abs(when.date() - day).days <= 1]
    facts = [employee, *(row for _, row in sorted(near, key=lambda pair: pair[0]))]
    return [", ".join(f"{n} {shown(v)}" for n, v in row.items() if v is not None) for row in facts]


def compare(warehouse: sa.Engine, every: Sequence[section6.Company]) -> None:
    """The published rows of all companies with the oracle's; a difference is told with the facts around it."""
    days = published(warehouse, mart.attendance_day, "employee_id", "work_date")
    checks = published(warehouse, mart.visit_check, "visit_id")
    lone = published(warehouse, mart.unmatched_check_in, "record_id")
    proven = {name: row["record_id"] for name, row in checks.items() if row["verdict"] == "verified"}
    our_days: Rows = {}
    our_checks: Rows = {}
    our_unmatched: Rows = {}
    known = [account for company in every for account in company.accounts]
    whose: dict[str, section6.Company] = {}
    for company in every:
        our_days |= section6.attendance(company, DAYS)
        checked, unmatched = visit_day.judged(company, DAYS, proven, known)
        our_checks |= checked
        our_unmatched |= unmatched
        whose |= {section6.person_of(e): company for e in company.employees}
    assert {row["status"] for row in our_days.values()} == STATUSES
    assert {row["verdict"] for row in our_checks.values()} == VERDICTS
    assert {row["reason_code"] for row in our_unmatched.values()} >= UNMATCHED
    found = [(*key, "", text) for key, text in differences(our_days, days)]
    for ours, theirs in ((our_checks, checks), (our_unmatched, lone)):
        for name, text in differences(ours, theirs):
            row = ours.get(name) or theirs[name]
            found.append((row["employee_id"], row["work_date"], name, text))
    told = [
        "\n   ".join([f"{employee_id} {day} {visit_id}: {text}", *facts_of(whose[employee_id], employee_id, day)])
        for employee_id, day, visit_id, text in found[:SHOWN]
    ]
    assert not told, f"{len(found)} differ (the oracle's value, but the product's):\n" + "\n".join(told)
    compare_reports(warehouse, our_days, our_checks)


def compare_reports(warehouse: sa.Engine, days: Rows, checks: Rows) -> None:
    """One row per person-day, and months that are the sums of their days."""
    keys = sorted(days)
    for view in ("attendance_day", "performance_day"):
        query = f'select employee_id, work_date from report.{view} order by employee_id collate "C", work_date'
        assert rows_of(warehouse, query) == keys, view
    assert sorted(r[0] for r in rows_of(warehouse, "select visit_id from report.visit_check")) == sorted(checks)
    sums: dict[tuple[str, date], list[int]] = defaultdict(lambda: [0] * 8)
    for (employee_id, day), row in days.items():
        values = (1, row["status"] == "absent", *(row[f"{n}_minutes"] for n in ("worked", "late", "early", "overtime")))
        for n, value in enumerate(values):
            sums[employee_id, day.replace(day=1)][n] += value
    for row in checks.values():
        month = sums[row["employee_id"], row["work_date"].replace(day=1)]
        month[6] += 1
        month[7] += row["verdict"] == "verified"
    query = (
        "select employee_id, month, days, days_absent, worked_minutes, late_minutes, early_minutes, overtime_minutes, "
        "visits_planned, visits_verified from report.performance_month"
    )
    months = {(row[0], row[1]): [int(v) for v in row[2:]] for row in rows_of(warehouse, query)}
    assert months == dict(sums)


def test_every_joined_row_is_what_the_design_says(warehouse: sa.Engine, settings: Settings) -> None:
    every = [companies.company(seed) for seed in range(40)]
    assert journey(warehouse, settings, "r1", every) > 50
    compare(warehouse, every)


def test_facts_that_come_later_restate_what_they_touch(warehouse: sa.Engine, settings: Settings) -> None:
    """Two runs over the same days: the second one sees what was missing or has been edited since."""
    seeds = range(200, 260)
    every = [companies.company(seed) for seed in seeds]
    journey(warehouse, settings, "r1", [companies.earlier(c, s) for c, s in zip(every, seeds, strict=True)])
    journey(warehouse, settings, "r2", every)
    compare(warehouse, every)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("start", range(1000, 1400, 100))
def test_many_more_companies(warehouse: sa.Engine, settings: Settings, start: int) -> None:
    seeds = range(start, start + 100)
    every = [companies.company(seed) for seed in seeds]
    journey(warehouse, settings, "r1", [companies.earlier(c, s) for c, s in zip(every, seeds, strict=True)])
    journey(warehouse, settings, "r2", every)
    compare(warehouse, every)
