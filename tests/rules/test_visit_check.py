"""Visits over several days and people: what the golden cases (tests/golden/cases/visits) cannot tell."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import combinations
from random import Random

import pytest

from fieldwork.warehouse.schema import core, mart
from tests.rules.world import HERE, MORE_SHIFTS, World, with_roster

DAY, SINCE, UNTIL = "2026-11-03", "2026-11-03", "2026-11-04"


@pytest.fixture
def rep(world: World) -> World:
    """One sales rep and a customer HERE (``near``)."""
    world.employee("E1")
    world.account("near")
    return world


def one(world: World, span: str = "10:00 - 11:00", account: str = "near") -> dict[str, object]:
    """The built row of one visit."""
    world.visit("E1", "v1", DAY, span, account)
    world.build(SINCE, UNTIL)
    (row,) = world.rows(mart.BUILD["visit_check"])
    return row


# --- what the golden cases do not tell
def test_other_people_prove_nothing(rep: World) -> None:
    rep.employee("E2")
    rep.check_in("E2", DAY, "10:30")
    assert one(rep)["verdict"] == "no_check_in"


@pytest.mark.parametrize("change", [{"status": "cancelled"}, {"deleted": True}, {"planned_start": None}])
def test_visits_that_are_not_checked(rep: World, change: dict[str, object]) -> None:
    rep.visit("E1", "v1", DAY, "10:00 - 11:00", "near", **change)
    assert rep.build(SINCE, UNTIL)["visits"] == 0


def test_the_score_is_the_mean_of_time_and_place(rep: World) -> None:
    rep.check_in("E1", DAY, "09:00", 150)
    assert one(rep)["score"] == pytest.approx(0.5 * (1 - 60 / 120) + 0.5 * (1 - 150 / 300), abs=0.001)


def test_an_office_punch_does_not_swallow_the_check_in_after_it(rep: World) -> None:
    rep.punch("E1", DAY, "in 10:30:00")
    c1 = rep.check_in("E1", DAY, "10:30:10")
    assert one(rep)["record_id"] == c1


# --- around midnight
def test_one_check_in_is_not_used_by_two_days(rep: World) -> None:
    """The days on both sides of midnight are solved together, whichever of them was touched."""
    c1 = rep.check_in("E1", DAY, "+1 00:30")
    rep.visit("E1", "v1", DAY, "22:00 - 23:00", "near")
    rep.run("2026-11-03", "2026-11-05")
    assert rep.rows(mart.visit_check)[0]["record_id"] == c1
    rep.visit("E1", "v2", "2026-11-04", "00:20 - 01:00", "near")
    rep.touch("E1", "2026-11-04")
    assert rep.build("2026-11-03", "2026-11-05", "r2")["person_days"] == 2
    assert rep.verdicts() == {"v1": ("no_check_in", None), "v2": ("verified", c1)}


def test_a_visit_taken_away_frees_its_check_in_for_the_next_day(rep: World) -> None:
    c1 = rep.check_in("E1", DAY, "+1 00:30")
    rep.visit("E1", "v1", DAY, "22:00 - 23:00", "near")
    rep.visit("E1", "v2", "2026-11-04", "09:00 - 10:00", "near")
    rep.run("2026-11-03", "2026-11-05")
    rep.change(core.visit, {"deleted": True}, visit_id="v1")
    rep.touch("E1", "2026-11-03")
    rep.build("2026-11-03", "2026-11-05", "r2")
    assert rep.verdicts() == {"v2": ("off_schedule", c1)}


@pytest.mark.parametrize(
    ("shift", "clock", "stated"),
    [("office", "+1 09:30", " for 2026-11-03"), ("night", "+1 09:30", ""), ("early", "21:30", "")],
)
def test_a_check_in_of_another_working_day_links_both_days(rep: World, shift: str, clock: str, stated: str) -> None:
    """While it proves a visit of its date it says nothing about those of its working day; when it is free it does."""
    rep.settings = with_roster(rep.settings, {"E1": shift}, MORE_SHIFTS)
    near = {"latitude": HERE[0], "longitude": HERE[1]}
    c1 = rep.punch("E1", DAY, f"field {clock}{stated}", **near)
    proven, hinted = ("2026-11-03", "2026-11-04") if shift == "early" else ("2026-11-04", "2026-11-03")
    rep.visit("E1", "v1", hinted, "14:00 - 15:00", "near")
    rep.visit("E1", "v2", proven, "21:00 - 22:00" if shift == "early" else "09:00 - 10:00", "near")
    rep.run("2026-11-03", "2026-11-05")
    assert {r["visit_id"]: r["record_id"] for r in rep.rows(mart.visit_check)} == {"v1": None, "v2": c1}
    rep.change(core.visit, {"deleted": True}, visit_id="v2")
    rep.touch("E1", proven)
    rep.build("2026-11-03", "2026-11-05", "r2")
    assert rep.verdicts() == {"v1": ("off_schedule", c1)}


def test_the_visits_day_is_the_local_date_of_its_start(rep: World) -> None:
    rep.visit("E1", "v1", DAY, "+1 00:10 - +1 01:00", "near")
    rep.build("2026-11-03", "2026-11-05")
    (row,) = rep.rows(mart.BUILD["visit_check"])
    assert str(row["work_date"]) == "2026-11-04"
    assert row["planned_start"] == datetime(2026, 11, 3, 16, 10, tzinfo=UTC)


# --- the whole way, against every possible assignment
def best_by_hand(visits: list[tuple[int, int]], check_ins: list[tuple[int, float]]) -> tuple[int, float]:
    """Most verified, then least total; a visit is (minute of its start, metres north), half an hour long."""
    pairs = [
        (v, c, max(0, start - at, at - start - 30) + abs(where - there) / 10)
        for v, (start, where) in enumerate(visits)
        for c, (at, there) in enumerate(check_ins)
        if start - 120 <= at <= start + 150 and abs(where - there) <= 300
    ]
    found = (0, 0.0)
    for size in range(1, min(len(visits), len(check_ins)) + 1):
        for some in combinations(pairs, size):
            if len({v for v, _, _ in some}) == len({c for _, c, _ in some}) == size:
                found = min(found, (-size, sum(cost for _, _, cost in some)))
    return found


def test_every_persons_day_is_the_best_of_all_assignments(world: World) -> None:
    random = Random(20261103)
    metres = range(0, 451, 150)
    for place in metres:
        world.account(f"a{place}", place)
    days = {}
    for person in (f"E{n:02}" for n in range(40)):
        world.employee(person)
        visits = [(random.randrange(540, 800), random.choice(metres)) for _ in range(random.randint(2, 4))]
        # never within 30 s of each other, nor just at the edge of a geofence
        times = random.sample(range(500, 900, 2), random.randint(2, 4))
        check_ins = [(at, random.randrange(0, 500) + 0.5) for at in times]
        for n, (start, place) in enumerate(visits):
            clock = [f"{m // 60:02}:{m % 60:02}" for m in (start, start + 30)]
            world.visit(person, f"{person}-{n}", DAY, " - ".join(clock), f"a{place}")
        for at, place in check_ins:
            world.check_in(person, DAY, f"{at // 60:02}:{at % 60:02}", place)
        days[person] = best_by_hand(visits, check_ins)
    assert world.build(SINCE, UNTIL)["contested"] > 40
    rows = world.rows(mart.BUILD["visit_check"])
    for person, (fewest, total) in days.items():
        proven = [r for r in rows if r["employee_id"] == person and r["verdict"] == "verified"]
        assert len({r["record_id"] for r in proven}) == len(proven) == -fewest, person
        assert sum(r["minutes_off"] + r["distance_m"] / 10 for r in proven) == pytest.approx(total, abs=0.1), person
