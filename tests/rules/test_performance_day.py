"""Performance: what is counted on which day, and the index."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from fieldwork.warehouse.schema import core, mart
from tests.rules.world import ORIGIN, World, with_config

DAY = "2026-11-03"


@pytest.fixture
def rep(world: World) -> World:
    """A rep of team North who worked from nine to six."""
    world.employee("E1", team="North")
    world.account("a1")
    world.punch("E1", DAY, "in 09:00")
    world.punch("E1", DAY, "out 18:00")
    return world


def task(world: World, due: str | None, done: str | None, status: str = "done", **more: Any) -> None:
    values = {
        "employee_id": "E1",
        "task_id": f"t{len(world.rows(core.task))}",
        "owner_id": "c",
        "due_on": date.fromisoformat(due) if due else None,
        "completed_at": world.at(DAY, done) if done else None,
        "status": status,
        "deleted": False,
    }
    world.insert(core.task, **values | more, **ORIGIN)


def opportunity(
    world: World, created: str, amount: str | None = None, currency: str | None = "CNY", **more: Any
) -> None:
    values = {
        "employee_id": "E1",
        "opportunity_id": f"o{len(world.rows(core.opportunity))}",
        "owner_id": "c",
        "amount": Decimal(amount) if amount else None,
        "currency": currency,
        "created_at": world.at(DAY, created),
        "closed_on": date.fromisoformat(DAY),
        "is_won": amount is not None,
        "deleted": False,
    }
    world.insert(core.opportunity, **values | more, **ORIGIN)


def built(world: World) -> dict[str, Any]:
    world.build(DAY, "2026-11-04")
    (row,) = world.rows(mart.BUILD["performance_day"])
    return row


def test_visits(rep: World) -> None:
    rep.check_in("E1", DAY, "10:30")
    rep.visit("E1", "v1", DAY, "10:00 - 11:00", "a1", status="done")
    rep.visit("E1", "v2", DAY, "15:00 - 16:00", "a1", status="done")
    rep.visit("E1", "v3", DAY, "16:00 - 17:00", "a1")
    rep.visit("E1", "v4", DAY, "16:00 - 17:00", "a1", status="cancelled")
    row = built(rep)
    assert (row["visits_planned"], row["visits_done"], row["visits_verified"]) == (3, 2, 1)
    assert row["team"] == "North"


def test_tasks_due_and_on_time(rep: World) -> None:
    task(rep, DAY, "23:59:59")
    task(rep, DAY, "-2 10:00")
    task(rep, DAY, "+1 00:00")
    task(rep, DAY, None, "open")
    task(rep, DAY, "10:00", "open")
    task(rep, DAY, None, "cancelled")
    task(rep, DAY, "10:00", deleted=True)
    task(rep, "2026-11-04", "10:00")
    row = built(rep)
    assert (row["tasks_due"], row["tasks_on_time"]) == (5, 2)


def test_follow_ups_are_tasks_with_a_customer_completed_on_the_day(rep: World) -> None:
    task(rep, None, "00:00", account_id="a1")
    task(rep, None, "23:59:59", account_id="a1")
    task(rep, None, "+1 00:00", account_id="a1")
    task(rep, None, "10:00")
    assert built(rep)["follow_ups"] == 2


def test_opportunities(rep: World) -> None:
    opportunity(rep, "00:10", "100.10")
    opportunity(rep, "-1 12:00", "200.20", None)
    opportunity(rep, "12:00", "50", "USD")
    opportunity(rep, "12:00", "30", "USD")
    opportunity(rep, "12:00", None)
    opportunity(rep, "12:00", "7", deleted=True)
    row = built(rep)
    assert (row["opportunities_created"], row["opportunities_won"]) == (4, 4)
    assert (row["amount_won"], row["amount_won_other"]) == (Decimal("300.30"), {"USD": 80})


def test_nothing_won_elsewhere_is_null(rep: World) -> None:
    assert built(rep)["amount_won_other"] is None


@pytest.mark.parametrize(
    ("punches", "leave", "exposure"),
    [
        ("in 09:00, out 18:00", "", 480),
        ("", "", 0),
        ("", "leave 09:00 - 18:00", 0),
        ("in 14:00, out 18:00", "leave 09:00 - 14:00", 240),
    ],
)
def test_exposure(world: World, punches: str, leave: str, exposure: int) -> None:
    world.employee("E1")
    for text in filter(None, punches.split(", ")):
        world.punch("E1", DAY, text)
    if leave:
        world.leave("E1", DAY, leave)
    assert built(world)["exposure_minutes"] == exposure


# --- the index: visits 0.5, tasks 0.3, attendance 0.2
def test_all_three_shares(rep: World) -> None:
    rep.check_in("E1", DAY, "10:30")
    rep.visit("E1", "v1", DAY, "10:00 - 11:00", "a1")
    rep.visit("E1", "v2", DAY, "15:00 - 16:00", "a1")
    task(rep, DAY, "10:00")
    task(rep, DAY, None, "open")
    task(rep, DAY, None, "open")
    assert built(rep)["performance_index"] == pytest.approx(100 * (0.5 * 1 / 2 + 0.3 * 1 / 3 + 0.2 * 1), abs=0.005)


def test_what_cannot_be_measured_is_left_out(rep: World) -> None:
    task(rep, DAY, None, "open")
    assert built(rep)["performance_index"] == pytest.approx(100 * 0.2 / 0.5)


def test_minutes_late_lower_the_attendance_share(world: World) -> None:
    world.employee("E1")
    world.punch("E1", DAY, "in 10:12")
    world.punch("E1", DAY, "out 17:12")
    assert built(world)["performance_index"] == pytest.approx(100 * (480 - 72 - 48) / 480)


def test_absent_is_zero(world: World) -> None:
    world.employee("E1")
    assert built(world)["performance_index"] == 0


def test_an_incomplete_day_has_no_attendance_share(world: World) -> None:
    world.employee("E1")
    world.punch("E1", DAY, "in 09:00")
    assert built(world)["performance_index"] is None


def test_weights_are_the_companys(rep: World) -> None:
    rules = {**rep.settings.config["rules"][0], "weights": {"tasks_on_time": 1.0}}
    rep.settings = with_config(rep.settings, rules=[rules])
    task(rep, DAY, None, "open")
    assert built(rep)["performance_index"] == 0
