"""Check-ins that prove no visit: anywhere on Earth, when a customer becomes known or moves, and in the reports."""

from __future__ import annotations

import threading
import time
from datetime import UTC, date, datetime
from math import cos, radians
from typing import Any

import pytest
import sqlalchemy as sa

from fieldwork.steps import build as build_step
from fieldwork.steps.load import load
from fieldwork.warehouse.schema import core, mart, ops
from tests.rules.world import HERE, METRE, ORIGIN, World
from tests.steps.rows import loaded, planned, staged

DAY, NEXT, SINCE, UNTIL = "2026-11-03", "2026-11-04", "2026-11-03", "2026-11-06"


@pytest.fixture
def rep(world: World) -> World:
    world.employee("E1")
    world.employee("E2")
    return world


def unmatched(world: World) -> dict[str, dict[str, Any]]:
    """The published rows by check-in."""
    return {row["record_id"]: row for row in world.rows(mart.unmatched_check_in)}


def report(world: World, view: str) -> list[dict[str, Any]]:
    with world.engine.connect() as connection:
        return [dict(row) for row in connection.execute(sa.text(f"select * from report.{view}")).mappings()]


def test_a_customer_is_found_at_any_latitude_and_over_the_date_line(world: World) -> None:
    """East of the date line is west of it: the degrees jump, the metres do not."""
    spots = [(lat, lon) for lat in (-77.85, -33.9, 0.001, 31.2, 69.6, 89.2) for lon in (-179.999, 0.0, 121.5, 179.999)]
    spots = [(latitude + n / 100, longitude) for n, (latitude, longitude) in enumerate(spots)]
    for n, (latitude, longitude) in enumerate(spots):
        world.employee(f"E{n}")
        for name, south, metres in (("far", 0, -1100), ("near", 700, 550)):
            east = longitude + metres * METRE / cos(radians(latitude))
            place = {"latitude": latitude - south * METRE, "longitude": (east + 540) % 360 - 180}
            world.insert(core.account, account_id=f"{name}-{n}", name="n", **place, **ORIGIN)
        world.punch(f"E{n}", DAY, "field 10:30", record_id=f"c{n}", latitude=latitude, longitude=longitude)
    world.run(SINCE, UNTIL)
    found = unmatched(world)
    for n, spot in enumerate(spots):
        row = found[f"c{n}"]
        assert (row["reason_code"], row["account_id"]) == ("near_customer", f"near-{n}"), spot
        assert row["distance_m"] == pytest.approx(890, abs=8), spot


# --- customers that become known, and move
def account(account_id: str, metres: float, **more: Any) -> dict[str, Any]:
    """A customer as the CRM gives it, so many metres north of HERE."""
    place = {"latitude": HERE[0] + metres * METRE, "longitude": HERE[1]}
    stamp = datetime(2026, 11, 6, tzinfo=UTC)
    return {"account_id": account_id, "name": account_id, "modified_at": stamp, **place, **more}


def touched_by(world: World, run_id: str, *rows: dict[str, Any]) -> list[tuple[str, str]]:
    """Load the customers as the CRM gives them; the person-days that this touches."""
    loaded(world.engine, world.settings, run_id, "test", accounts=list(rows))
    return [(t["employee_id"], str(t["work_date"])) for t in world.rows(ops.touched)]


@pytest.fixture
def lone(rep: World) -> World:
    """Two check-ins of E1 at 0 m and 5,000 m and one of E2 at 900 m, published; no customer is known."""
    rep.check_in("E1", DAY, "10:30", 0, record_id="a")
    rep.check_in("E1", NEXT, "10:30", 5000, record_id="b")
    rep.check_in("E2", NEXT, "10:30", 900, record_id="c")
    rep.run(SINCE, UNTIL)
    assert {row["reason_code"] for row in unmatched(rep).values()} == {"no_customer_near"}
    return rep


def again(world: World, run_id: str) -> dict[str, tuple[str, str | None]]:
    world.run(SINCE, UNTIL, run_id)
    assert world.rows(ops.touched) == []
    return {name: (row["reason_code"], row["account_id"]) for name, row in unmatched(world).items()}


def test_a_new_customer_restates_the_days_of_check_ins_near_it_and_no_others(lone: World) -> None:
    assert touched_by(lone, "l1", account("A", 50)) == [("E1", DAY), ("E2", NEXT)]
    assert again(lone, "r2") == {
        "a": ("off_plan", "A"), "b": ("no_customer_near", None), "c": ("near_customer", "A"),
    }  # fmt: skip
    assert {h["reason_code"] for h in lone.rows(mart.HISTORY["unmatched_check_in"])} == {"no_customer_near"}


def test_a_customer_that_moves_restates_where_it_was_and_where_it_is(lone: World) -> None:
    touched_by(lone, "l1", account("A", -500))
    assert again(lone, "r2")["a"] == ("near_customer", "A")
    assert touched_by(lone, "l2", account("A", 5020)) == [("E1", DAY), ("E1", NEXT)]
    assert again(lone, "r3")["b"] == ("off_plan", "A")


def test_a_customer_that_is_renamed_or_far_away_restates_nothing(lone: World) -> None:
    touched_by(lone, "l1", account("A", 50))
    again(lone, "r2")
    assert touched_by(lone, "l2", account("A", 50, name="B"), account("C", -1500)) == []


def test_a_geofence_that_grows_restates_the_days_near_it(lone: World) -> None:
    touched_by(lone, "l1", account("A", 1300))
    assert again(lone, "r2")["c"] == ("near_customer", "A")
    assert touched_by(lone, "l2", account("A", 1300, radius_m=500.0)) == [("E2", NEXT)]
    assert again(lone, "r3")["c"] == ("off_plan", "A")


def waits_for_a_lock(world: World) -> bool:
    with world.engine.connect() as connection:
        waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'advisory'"
        return bool(connection.scalar(sa.text(waiting)))


def test_a_customer_that_comes_meanwhile_finds_the_days(lone: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The load waits for the build to end, and then sees where the check-ins lie that it must touch."""
    planned(lone.engine, lone.settings, "l1")
    staged(lone.engine, lone.settings, "l1", "test", accounts=[account("A", 50)])
    lone.delete(core.check_in_cell)
    lone.touch("E1", DAY)
    loader = threading.Thread(target=lambda: load(lone.engine, lone.settings, run_id="l1"))
    insert = build_step._insert

    def late(connection: sa.Connection, name: str, run_id: str) -> int:
        if name == "unmatched_check_in":
            loader.start()
            while loader.is_alive() and not waits_for_a_lock(lone):
                time.sleep(0.02)
        return insert(connection, name, run_id)

    monkeypatch.setattr(build_step, "_insert", late)
    lone.build(SINCE, UNTIL, "r2")
    loader.join(timeout=60)
    (touch,) = lone.rows(ops.touched, employee_id="E1", work_date=date.fromisoformat(DAY))
    assert touch["reason"] == "accounts"


def test_a_check_in_whose_visit_goes_becomes_off_plan_and_back(rep: World) -> None:
    rep.account("near")
    rep.visit("E1", "v1", DAY, "10:00 - 11:00", "near")
    rep.check_in("E1", DAY, "10:30", record_id="a")
    rep.run(SINCE, UNTIL)
    assert unmatched(rep) == {}
    rep.change(core.visit, {"status": "cancelled"}, visit_id="v1")
    rep.touch("E1", DAY)
    assert again(rep, "r2") == {"a": ("off_plan", "near")}
    rep.change(core.visit, {"status": "planned"}, visit_id="v1")
    rep.touch("E1", DAY)
    assert again(rep, "r3") == {}
    assert [h["record_id"] for h in rep.rows(mart.HISTORY["unmatched_check_in"])] == ["a"]


def test_a_check_in_of_a_day_outside_employment_has_no_row(rep: World) -> None:
    rep.employee("E3", hired_on=date(2026, 11, 4))
    rep.check_in("E3", DAY, "10:30")
    rep.run(SINCE, UNTIL)
    assert unmatched(rep) == {}


# --- reports
def test_customers_visited_without_a_plan_are_one_row_a_day(rep: World) -> None:
    rep.account("near")
    for clock, metres in (("10:00", 20), ("10:40", 30), ("15:00", 5)):
        rep.check_in("E1", DAY, clock, metres)
    rep.check_in("E1", NEXT, "10:00", 20)
    rep.run(SINCE, UNTIL)
    days = {str(row["work_date"]): row for row in report(rep, "off_plan_visit")}
    assert (days[DAY]["check_ins"], days[DAY]["stayed_minutes"], days[DAY]["nearest_m"]) == (3, 300, 5.0)
    assert (days[NEXT]["check_ins"], days[NEXT]["stayed_minutes"], days[NEXT]["account"]) == (1, None, "near")


def test_a_visit_that_was_moved_keeps_its_history(rep: World) -> None:
    rep.account("near")
    rep.visit("E1", "v1", DAY, "10:00 - 11:00", "near")
    rep.check_in("E1", DAY, "10:30", record_id="a")
    rep.run(SINCE, UNTIL)
    moved = {"planned_start": rep.at(NEXT, "15:00"), "planned_end": rep.at(NEXT, "16:00")}
    rep.change(core.visit, moved, visit_id="v1")
    rep.touch("E1", DAY, NEXT)
    rep.run(SINCE, UNTIL, "r2")
    rep.change(core.visit, {"planned_end": rep.at(NEXT, "17:00")}, visit_id="v1")
    rep.touch("E1", NEXT)
    rep.run(SINCE, UNTIL, "r3")
    (row,) = report(rep, "rescheduled_visit")
    assert (str(row["moved_from_date"]), str(row["moved_to_date"])) == (DAY, NEXT)
    assert (row["verdict_before"], row["verdict_after"]) == ("verified", "no_check_in")
    assert row["moved_to"] == moved["planned_start"]
    (left,) = report(rep, "unmatched_check_in")
    assert (left["reason_code"], left["moved_visit_id"], str(left["moved_visit_on"])) == ("off_plan", "v1", NEXT)
    (unproven,) = report(rep, "unproven_visit")
    assert (unproven["visit_id"], str(unproven["off_plan_on"])) == ("v1", DAY)


def test_signals_are_told_once_a_check_in_with_their_meaning(rep: World) -> None:
    rep.account("near")
    for name, span in (("v1", "10:00 - 11:00"), ("v2", "10:00 - 11:00")):
        rep.visit("E1", name, DAY, span, "near")
    rep.punch("E1", DAY, "field 10:30", record_id="a", latitude=0.0, longitude=0.0)
    rep.check_in("E1", NEXT, "10:30", 20, record_id="b", accuracy_m=5000.0)
    rep.run(SINCE, UNTIL)
    told = sorted((r["record_id"], r["signal"], r["meaning"]) for r in report(rep, "location_signal"))
    assert told == [
        ("a", "null_island", "The position is (0, 0): none"),
        ("b", "accuracy_poor", "The position admits an error so large that it tells little"),
    ]
