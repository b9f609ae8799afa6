"""What makes matching hard is in the city, and its truth says so."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fieldwork.sandbox.city import generate
from fieldwork.sandbox.city_noise import SPOILT
from fieldwork.sandbox.company import Company

ZONE = ZoneInfo("Asia/Shanghai")
Row = dict[str, Any]


@pytest.fixture(scope="module", params=["none", "usual", "storm"])
def faults(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def city(faults: str) -> Company:
    return generate(people=240, days=10, faults=faults)  # type: ignore[arg-type]


def truth(city: Company) -> list[Row]:
    return list(city.truth["checkins"].to_pylist())


def day_of(instant: datetime) -> str:
    return f"{instant.astimezone(ZONE):%F}"


def recorded(city: Company) -> dict[tuple[str, datetime], Row]:
    """The first record of each check-in by user and instant."""
    rows = [row for row in city.tables["punches"].to_pylist() if row["kind"] == "field"]
    return {(row["user_id"], row["punched_at"]): row for row in reversed(rows)}


def test_some_visits_have_a_second_check_in_on_leaving(city: Company) -> None:
    times = Counter(row["visit_id"] for row in truth(city) if row["visit_id"])
    assert set(times.values()) == {1, 2}
    assert 0.05 < sum(n == 2 for n in times.values()) / len(times) < 0.2


def test_some_plans_were_moved_after_the_check_in(city: Company) -> None:
    planned = {row["visit_id"]: row for row in city.truth["visits"].to_pylist()}
    moved = [
        row
        for row in truth(city)
        if row["visit_id"] and str(planned[row["visit_id"]]["work_date"]) != day_of(row["punched_at"])
    ]
    assert 0.002 < len(moved) / len(planned) < 0.03
    assert all(str(planned[row["visit_id"]]["work_date"]) > day_of(row["punched_at"]) for row in moved)
    assert "verified" not in {planned[row["visit_id"]]["verdict"] for row in moved}


def test_some_see_two_customers_of_one_building_and_check_in_once(city: Company, faults: str) -> None:
    accounts = {row["account_id"]: row for row in city.tables["accounts"].to_pylist()}
    days = defaultdict(list)
    for visit in city.tables["visits"].to_pylist():
        place = accounts[visit["account_id"]]
        if visit["status"] != "cancelled" and not visit["deleted"] and place["latitude"]:
            days[visit["owner_id"], day_of(visit["planned_start"])].append((visit["visit_id"], place))
    made_for = {row["visit_id"] for row in truth(city)}
    beside = [
        (one, other)
        for visits in days.values()
        for one, here in visits
        for other, there in visits
        if one < other
        and abs(here["latitude"] - there["latitude"]) < 0.0003
        and abs(here["longitude"] - there["longitude"]) < 0.0004
    ]
    if faults == "none":
        assert beside == [], "a perfect record leaves no doubt"
        return
    assert len(beside) > 50
    assert len([1 for one, other in beside if one in made_for and other not in made_for]) > 3


def test_off_plan_check_ins_are_at_known_customers(city: Company) -> None:
    off_plan = [row for row in truth(city) if row["visit_id"] is None]
    assert len(off_plan) > 300
    known = set(city.tables["accounts"]["account_id"].to_pylist())
    assert {row["account_id"] for row in off_plan if row["account_id"]} < known


def test_positions_are_spoilt_as_the_truth_says(city: Company, faults: str) -> None:
    told = {(row["user_id"], row["punched_at"]): row["spoilt"] for row in truth(city)}
    kinds = Counter(told.values())
    expected = {"none": set(), "usual": set(SPOILT) - {"swapped", "scaled"}, "storm": set(SPOILT)}[faults]
    assert set(kinds) == {None, *expected}
    assert kinds[None] > 0.9 * sum(kinds.values())
    rows = recorded(city)
    seen = defaultdict(list)
    for key, kind in told.items():
        if kind and rows[key]["latitude"] is not None:
            seen[kind].append(rows[key])
    assert all((row["latitude"], row["longitude"]) == (0, 0) for row in seen["zeroed"])
    assert all(row["latitude"] > 90 for row in seen["swapped"] + seen["scaled"])
    assert all(row["latitude"] > 1e6 for row in seen["scaled"])
    assert all(row["accuracy_m"] in (None, 5000) for row in seen["coarse"])
    assert all(row["accuracy_m"] in (None, 0) for row in seen["too sure"])


def test_a_cached_position_is_the_one_before(city: Company, faults: str) -> None:
    rows = recorded(city)
    days = defaultdict(list)
    for row in sorted(truth(city), key=lambda row: row["punched_at"]):
        days[row["user_id"], day_of(row["punched_at"])].append(row)
    same = 0
    for made in days.values():
        for before, row in pairwise(made):
            if row["spoilt"] == "cached" and before["spoilt"] is None:
                one, other = (rows[r["user_id"], r["punched_at"]] for r in (before, row))
                same += (one["latitude"], one["longitude"]) == (other["latitude"], other["longitude"])
    assert (same > 3) == (faults != "none")
