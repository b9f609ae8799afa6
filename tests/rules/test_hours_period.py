"""Settlement periods add up to their days, whatever the days hold."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from fieldwork.rules.hours import SETTLEMENTS
from fieldwork.warehouse.schema import mart
from tests.rules.world import World, with_config

FIRST, LAST = date(2026, 9, 25), date(2026, 11, 8)
START = date(2000, 1, 1)
TWELVE = {
    "name": "twelve", "from": START, "kind": "fixed", "starts": time(7), "ends": time(19),
    "grace_in_minutes": 0, "grace_out_minutes": 0,
}  # fmt: skip


def begins(settlement: str, day: date) -> date:
    """The first day of the day's period."""
    match settlement:
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
    return date(day.year, 1, 1)


@pytest.fixture
def settled(world: World) -> World:
    """Two people for each settlement period, and one for each other system, with six weeks of any punches."""
    pick = Random(7)
    teams = [*SETTLEMENTS, "standard", "irregular"]
    entries: list[dict[str, Any]] = [
        {"scope": "team", "subject": team, "from": START}
        | (
            {"system": "comprehensive", "settlement": team, "plan": ("calendar", "roster")[n % 2]}
            if team in SETTLEMENTS
            else {"system": team}
        )
        for n, team in enumerate(teams)
    ]
    roster = [
        {"scope": "team", "subject": team, "from": START, "pattern": ["twelve", "twelve", "rest"]} for team in teams
    ]
    config = world.settings.config
    world.settings = with_config(
        world.settings,
        hours=[*config["hours"], *entries],
        roster=[*config["roster"], *roster],
        shift=[*config["shift"], TWELVE],
    )
    for n, team in enumerate(teams * 2):
        world.employee(f"E{n}", team=team)
        for ahead in range((LAST - FIRST).days):
            day = FIRST + timedelta(days=ahead)
            if pick.random() < 0.7:
                world.punch(f"E{n}", day, f"in 0{pick.randint(6, 9)}:00")
            if pick.random() < 0.7:
                world.punch(f"E{n}", day, f"out {pick.randint(15, 23)}:00")
            if pick.random() < 0.05:
                world.leave(f"E{n}", day, "leave 07:00 - 19:00")
    world.run(str(FIRST), str(LAST))
    return world


def test_a_period_is_the_sum_of_its_days(settled: World) -> None:
    sums: dict[tuple[str, date], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in settled.rows(mart.attendance_day, hours_system="comprehensive"):
        period = sums[row["employee_id"], begins(row["settlement"], row["work_date"])]
        for name in ("norm", "planned", "leave", "worked"):
            period[f"{name}_minutes"] += row[f"{name}_minutes"]
        period["holiday_minutes"] += row["worked_minutes"] * (row["calendar_kind"] == "holiday")
        period["days"] += 1
        period["days_incomplete"] += row["status"] == "incomplete"
        period["days_absent"] += row["status"] == "absent"
    with settled.engine.begin() as connection:
        found = connection.execute(sa.text("select * from report.hours_period")).mappings().all()
    assert {(r["employee_id"], r["period_start"]) for r in found} == set(sums)
    beyond = 0
    for row in found:
        period = sums[row["employee_id"], row["period_start"]]
        assert {name: row[name] for name in period} == period
        balance = (
            period["worked_minutes"] - period["holiday_minutes"] + period["leave_minutes"] - period["norm_minutes"]
        )
        assert (row["overtime_minutes"], row["short_minutes"]) == (max(0, balance), max(0, -balance))
        assert begins(row["settlement"], row["period_until"]) == row["period_until"]
        assert row["whole"] == (row["days"] == (row["period_until"] - row["period_start"]).days)
        beyond += balance > 0
    assert 0 < beyond < len(found)
    assert {row["settlement"] for row in found} == set(SETTLEMENTS)


def test_what_counts_by_the_period_counts_on_no_day(settled: World) -> None:
    rows = settled.rows(mart.attendance_day)
    assert {row["overtime_minutes"] for row in rows if row["hours_system"] != "standard"} == {0}
    assert max(row["overtime_minutes"] for row in rows if row["hours_system"] == "standard") > 0
    irregular = [row for row in rows if row["hours_system"] == "irregular"]
    assert {row["late_minutes"] + row["early_minutes"] + row["norm_minutes"] for row in irregular} == {0}
    assert {row["status"] for row in irregular} <= {"present", "leave", "rest", "holiday"}
    assert {row["status"] for row in rows} >= {"late", "absent", "incomplete"}


def test_the_plan_of_a_year_is_what_the_ministry_counts(world: World) -> None:
    """248 working days (人社部发〔2025〕2号); the decreed calendar of a year is at most a day off."""
    world.settings = with_config(
        world.settings,
        hours=[{"scope": "company", "subject": "*", "from": START, "system": "comprehensive", "settlement": "year"}],
    )
    world.covered(None, datetime(2027, 1, 2, tzinfo=UTC))
    world.employee("E1")
    world.run("2026-01-01", "2027-01-01")
    with world.engine.begin() as connection:
        (row,) = connection.execute(sa.text("select * from report.hours_period")).mappings()
    assert row["whole"]
    assert abs(row["norm_minutes"] / 480 - 248) <= 1
