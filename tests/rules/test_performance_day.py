"""Performance beyond the cases of tests/golden: what only a configuration or a broken record can show."""

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
    """A rep who worked from nine to six."""
    world.employee("E1")
    world.punch("E1", DAY, "in 09:00")
    world.punch("E1", DAY, "out 18:00")
    return world


def task(world: World, task_id: str, **more: Any) -> None:
    values = {
        "employee_id": "E1", "task_id": task_id, "owner_id": "c", "due_on": date.fromisoformat(DAY), "status": "open",
        "deleted": False,
    }  # fmt: skip
    world.insert(core.task, **values | more, **ORIGIN)


def won(world: World, opportunity_id: str, amount: str, currency: str | None, **more: Any) -> None:
    values = {
        "employee_id": "E1", "opportunity_id": opportunity_id, "owner_id": "c", "amount": Decimal(amount),
        "currency": currency, "created_at": world.at(DAY, "10:00"), "closed_on": date.fromisoformat(DAY),
        "is_won": True, "deleted": False,
    }  # fmt: skip
    world.insert(core.opportunity, **values | more, **ORIGIN)


def built(world: World) -> dict[str, Any]:
    world.build(DAY, "2026-11-04")
    (row,) = world.rows(mart.BUILD["performance_day"])
    return row


def test_what_was_deleted_in_the_crm_counts_nowhere(rep: World) -> None:
    task(rep, "t1", status="done", completed_at=rep.at(DAY, "10:00"), account_id="a1", deleted=True)
    task(rep, "t2")
    won(rep, "o1", "7", "CNY", deleted=True)
    row = built(rep)
    assert (row["tasks_due"], row["follow_ups"], row["opportunities_created"], row["opportunities_won"]) == (1, 0, 0, 0)


def test_a_currency_is_one_however_it_is_written(rep: World) -> None:
    for n, currency in enumerate(["USD", "usd", " USD "]):
        won(rep, f"u{n}", "30", currency)
    for n, currency in enumerate(["CNY", "cny", None, "", " "]):
        won(rep, f"c{n}", "100.10", currency)
    row = built(rep)
    assert (row["amount_won"], row["amount_won_other"]) == (Decimal("500.50"), {"USD": 90})


def test_weights_are_the_companys(rep: World) -> None:
    rules = {**rep.settings.config["rules"][0], "weights": {"tasks_on_time": 1.0}}
    rep.settings = with_config(rep.settings, rules=[rules])
    task(rep, "t1")
    assert built(rep)["performance_index"] == 0


def test_each_day_has_the_weights_of_its_version(rep: World) -> None:
    first = rep.settings.config["rules"][0]
    later = {**first, "version": "b", "from": date(2026, 11, 4), "weights": {"tasks_on_time": 1.0}}
    rep.settings = with_config(rep.settings, rules=[first, later])
    task(rep, "t1")
    task(rep, "t2", due_on=date(2026, 11, 4))
    rep.build(DAY, "2026-11-05")
    assert [r["performance_index"] for r in rep.rows(mart.BUILD["performance_day"])] == [40, 0]
