"""Visits, case by case: which check-in speaks for which visit, and the verdict."""

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
    """One sales rep, a customer HERE (``near``), one 5 km off (``far``), one that nobody has located (``nowhere``)."""
    world.employee("E1")
    world.account("near")
    world.account("far", 5000)
    world.account("nowhere", None)
    return world


def one(world: World, span: str = "10:00 - 11:00", account: str = "near") -> dict[str, object]:
    """The built row of one visit."""
    world.visit("E1", "v1", DAY, span, account)
    world.build(SINCE, UNTIL)
    (row,) = world.rows(mart.BUILD["visit_check"])
    return row


# --- in time
@pytest.mark.parametrize(
    ("clock", "minutes_off", "verdict"),
    [
        ("10:30", 0, "verified"),
        ("10:00", 0, "verified"),
        ("09:59:01", 0, "verified"),
        ("09:48", 12, "verified"),
        ("08:00", 120, "verified"),
        ("07:59:59", 120, "off_schedule"),
        ("11:07:59", 7, "verified"),
        ("13:00", 120, "verified"),
        ("13:00:01", 120, "off_schedule"),
    ],
)
def test_time(rep: World, clock: str, minutes_off: int, verdict: str) -> None:
    rep.check_in("E1", DAY, clock)
    row = one(rep)
    assert (row["minutes_off"], row["verdict"]) == (minutes_off, verdict)


# --- in range
@pytest.mark.parametrize(
    ("metres", "accuracy", "radius", "verdict"),
    [
        (299, None, None, "verified"),
        (301, None, None, "out_of_range"),
        (349, 50.0, None, "verified"),
        (399, 500.0, None, "verified"),
        (401, 500.0, None, "out_of_range"),
        (99, None, 100.0, "verified"),
        (101, None, 100.0, "out_of_range"),
        (301, -50.0, None, "out_of_range"),
    ],
)
def test_range(rep: World, metres: float, accuracy: float | None, radius: float | None, verdict: str) -> None:
    rep.account("fenced", 0, radius)
    rep.check_in("E1", DAY, "10:30", metres, record_id="c1")
    rep.change(core.punch_place, {"accuracy_m": accuracy}, record_id="c1")
    row = one(rep, account="fenced")
    assert (row["distance_m"], row["verdict"]) == (pytest.approx(metres, abs=0.2), verdict)


# --- the other verdicts
def test_nothing(rep: World) -> None:
    row = one(rep)
    assert (row["verdict"], row["record_id"], row["score"]) == ("no_check_in", None, None)
    assert row["reason"] == "No check-in from 120 minutes before to 120 minutes after the planned time."


def test_clock_ins_at_the_office_are_no_check_ins(rep: World) -> None:
    rep.punch("E1", DAY, "in 10:30")
    assert one(rep)["verdict"] == "no_check_in"


def test_a_check_in_without_a_position(rep: World) -> None:
    rep.check_in("E1", DAY, "10:30", None)
    assert one(rep)["verdict"] == "unverifiable"


def test_zero_zero_is_no_position(rep: World) -> None:
    rep.punch("E1", DAY, "field 10:30", latitude=0.0, longitude=0.0)
    assert one(rep)["verdict"] == "unverifiable"


def test_an_account_at_zero_zero_is_not_located(rep: World) -> None:
    rep.change(core.account, {"latitude": 0.0, "longitude": 0.0}, account_id="near")
    rep.check_in("E1", DAY, "10:30")
    assert one(rep)["verdict"] == "unverifiable"


def test_an_account_without_a_position_with_or_without_check_ins(rep: World) -> None:
    row = one(rep, account="nowhere")
    assert (row["verdict"], row["record_id"]) == ("unverifiable", None)


def test_a_position_far_away_says_more_than_none(rep: World) -> None:
    far = rep.check_in("E1", DAY, "12:30", 5000)
    rep.check_in("E1", DAY, "10:30", None)
    row = one(rep)
    assert (row["verdict"], row["record_id"]) == ("out_of_range", far)


def test_being_there_at_another_hour_says_more_than_being_elsewhere_in_time(rep: World) -> None:
    there = rep.check_in("E1", DAY, "16:00", 20)
    rep.check_in("E1", DAY, "10:30", 5000)
    row = one(rep)
    assert (row["verdict"], row["record_id"]) == ("off_schedule", there)


def test_off_schedule_is_the_same_working_day(rep: World) -> None:
    rep.check_in("E1", "2026-11-04", "10:30")
    assert one(rep)["verdict"] == "no_check_in"


def test_other_people_prove_nothing(rep: World) -> None:
    rep.employee("E2")
    rep.check_in("E2", DAY, "10:30")
    assert one(rep)["verdict"] == "no_check_in"


def test_a_visit_without_an_end_is_a_moment(rep: World) -> None:
    rep.check_in("E1", DAY, "11:00")
    assert one(rep, "10:00")["minutes_off"] == 60


@pytest.mark.parametrize("change", [{"status": "cancelled"}, {"deleted": True}, {"planned_start": None}])
def test_visits_that_are_not_checked(rep: World, change: dict[str, object]) -> None:
    rep.visit("E1", "v1", DAY, "10:00 - 11:00", "near", **change)
    assert rep.build(SINCE, UNTIL)["visits"] == 0


# --- reasons
@pytest.mark.parametrize(
    ("clock", "metres", "reason"),
    [
        ("09:48", 40, "Checked in 12 minutes before the planned start, 40 m from the customer."),
        ("10:30", 40, "Checked in during the planned time, 40 m from the customer."),
        ("11:01", 40, "Checked in 1 minute after the planned end, 40 m from the customer."),
        ("16:00", 40, "Checked in 40 m from the customer, but 300 minutes after the planned end."),
        ("10:30", 900, "Checked in during the planned time, but 900 m from the customer; up to 300 m count."),
        ("10:30", None, "Checked in during the planned time, but without a position."),
    ],
)
def test_reasons(rep: World, clock: str, metres: float | None, reason: str) -> None:
    rep.check_in("E1", DAY, clock, metres)
    assert one(rep)["reason"] == reason


def test_the_score_is_the_mean_of_time_and_place(rep: World) -> None:
    rep.check_in("E1", DAY, "09:00", 150)
    assert one(rep)["score"] == pytest.approx(0.5 * (1 - 60 / 120) + 0.5 * (1 - 150 / 300), abs=0.001)


# --- one check-in, one visit
def test_one_check_in_proves_one_visit(rep: World) -> None:
    c1 = rep.check_in("E1", DAY, "10:30")
    rep.visit("E1", "v1", DAY, "10:00 - 11:00", "near")
    rep.visit("E1", "v2", DAY, "11:00 - 12:00", "near")
    rep.build(SINCE, UNTIL)
    assert rep.verdicts() == {"v1": ("verified", c1), "v2": ("no_check_in", None)}


def test_two_visits_at_the_same_hour_take_the_earlier_number_on_a_tie(rep: World) -> None:
    c1 = rep.check_in("E1", DAY, "10:30")
    rep.visit("E1", "v2", DAY, "10:00 - 11:00", "near")
    rep.visit("E1", "v1", DAY, "10:00 - 11:00", "near")
    rep.build(SINCE, UNTIL)
    assert rep.verdicts() == {"v1": ("verified", c1), "v2": ("no_check_in", None)}


def test_the_most_visits_win_over_the_best_fit(rep: World) -> None:
    """c1 fits v1 best, but only c1 fits v2: v1 takes the worse c2, so that both are proven."""
    c1 = rep.check_in("E1", DAY, "10:30", 0)
    c2 = rep.check_in("E1", DAY, "08:10", 250)
    rep.visit("E1", "v1", DAY, "10:00 - 11:00", "near")
    rep.visit("E1", "v2", DAY, "12:00 - 12:30", "near")
    assert rep.build(SINCE, UNTIL)["contested"] == 3
    assert rep.verdicts() == {"v1": ("verified", c2), "v2": ("verified", c1)}


def test_of_equally_many_the_smallest_total_wins(rep: World) -> None:
    c1 = rep.check_in("E1", DAY, "10:10", 10)
    c2 = rep.check_in("E1", DAY, "11:40", 10)
    rep.visit("E1", "v1", DAY, "10:00 - 10:30", "near")
    rep.visit("E1", "v2", DAY, "11:30 - 12:00", "near")
    rep.build(SINCE, UNTIL)
    assert rep.verdicts() == {"v1": ("verified", c1), "v2": ("verified", c2)}


def test_ten_metres_weigh_a_minute(rep: World) -> None:
    near_but_late = rep.check_in("E1", DAY, "11:10", 0)
    rep.check_in("E1", DAY, "10:30", 110)
    assert one(rep)["record_id"] == near_but_late


def test_what_proves_a_visit_speaks_for_no_other(rep: World) -> None:
    rep.account("neighbour", 100)
    c1 = rep.check_in("E1", DAY, "10:30", 50)
    rep.visit("E1", "v1", DAY, "10:00 - 11:00", "near")
    rep.visit("E1", "v2", DAY, "16:00 - 17:00", "neighbour")
    rep.build(SINCE, UNTIL)
    assert rep.verdicts() == {"v1": ("verified", c1), "v2": ("no_check_in", None)}


def test_a_check_in_that_proves_nothing_may_speak_for_several(rep: World) -> None:
    c1 = rep.check_in("E1", DAY, "10:30", 2500)
    rep.visit("E1", "v1", DAY, "10:00 - 11:00", "near")
    rep.visit("E1", "v2", DAY, "10:00 - 11:00", "far")
    rep.build(SINCE, UNTIL)
    assert rep.verdicts() == {"v1": ("out_of_range", c1), "v2": ("out_of_range", c1)}


def test_a_second_press_is_not_a_second_check_in(rep: World) -> None:
    c1 = rep.check_in("E1", DAY, "10:30:00")
    rep.check_in("E1", DAY, "10:30:20")
    rep.visit("E1", "v1", DAY, "10:00 - 11:00", "near")
    rep.visit("E1", "v2", DAY, "10:00 - 11:00", "near")
    rep.build(SINCE, UNTIL)
    assert rep.verdicts() == {"v1": ("verified", c1), "v2": ("no_check_in", None)}


def test_an_office_punch_does_not_swallow_the_check_in_after_it(rep: World) -> None:
    rep.punch("E1", DAY, "in 10:30:00")
    c1 = rep.check_in("E1", DAY, "10:30:10")
    assert one(rep)["record_id"] == c1


# --- around midnight
def test_a_check_in_after_midnight_proves_the_evening_before(rep: World) -> None:
    c1 = rep.check_in("E1", DAY, "+1 00:30")
    assert one(rep, "22:00 - 23:00")["record_id"] == c1


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


def test_a_night_workers_morning_check_in_proves_the_mornings_visit(rep: World) -> None:
    rep.settings = with_roster(rep.settings, {"E1": "night"})
    c1 = rep.check_in("E1", DAY, "10:30")
    assert one(rep)["record_id"] == c1


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
