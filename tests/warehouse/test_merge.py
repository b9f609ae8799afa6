"""merge: whose a row is where links are dated, and two merges of one stream at the same time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from tests.steps.rows import at, loaded, planned, rows_of, staged

from fieldwork.errors import Fenced
from fieldwork.settings import Settings
from fieldwork.steps.load import load
from fieldwork.warehouse.merge import take_turn

PEOPLE = [{"user_id": "u1", "employee_no": "001"}, {"user_id": "u2", "employee_no": "002"}]
VISIT = {
    "visit_id": "v1", "owner_id": "005A", "planned_start": at("2026-11-02 10:00"),
    "planned_end": at("2026-11-02 11:00"), "status": "planned", "deleted": False,
}  # fmt: skip


@pytest.fixture(autouse=True)
def people(warehouse: Engine, settings: Settings) -> None:
    loaded(warehouse, settings, "people", "dingtalk", employees=PEOPLE)


def _link(engine: Engine, employee_id: str, valid_from: str, valid_to: str | None = None) -> None:
    values = {"employee": employee_id, "start": valid_from, "end": valid_to}
    with engine.begin() as connection:
        connection.execute(
            sa.text("insert into ref.identity values ('salesforce', '005A', :start, :end, :employee, 'file', now())"),
            values,
        )


def _visits(*days: str) -> list[dict[str, Any]]:
    return [{**VISIT, "visit_id": day, "planned_start": at(f"{day} 10:00")} for day in days]


def _owners(engine: Engine) -> list[tuple[Any, ...]]:
    return rows_of(engine, "select visit_id, employee_id from core.visit order by 1")


def test_a_single_link_holds_from_its_first_day_to_the_day_before_its_end(
    warehouse: Engine, settings: Settings
) -> None:
    _link(warehouse, "001", "2026-11-03", "2026-11-05")
    days = _visits("2026-11-02", "2026-11-03", "2026-11-04", "2026-11-05")
    assert loaded(warehouse, settings, "one", "salesforce", visits=days)["visits"]["quarantined"] == 2
    assert _owners(warehouse) == [("2026-11-03", "001"), ("2026-11-04", "001")]


def test_of_several_links_the_one_that_holds_on_the_day_counts(warehouse: Engine, settings: Settings) -> None:
    _link(warehouse, "001", "2026-11-01", "2026-11-03")
    _link(warehouse, "002", "2026-11-03", "2026-11-05")
    _link(warehouse, "001", "2026-11-06")
    days = _visits("2026-11-02", "2026-11-03", "2026-11-05", "2026-11-06")
    assert loaded(warehouse, settings, "one", "salesforce", visits=days)["visits"]["quarantined"] == 1
    assert _owners(warehouse) == [("2026-11-02", "001"), ("2026-11-03", "002"), ("2026-11-06", "001")]


@pytest.mark.parametrize("span", [("2026-11-02", None), ("2026-10-01", "2026-11-02"), ("2026-12-01", "2026-12-01")])
def test_links_that_overlap_or_are_empty_are_refused(warehouse: Engine, span: tuple[str, str | None]) -> None:
    _link(warehouse, "001", "2026-11-01")
    with pytest.raises(sa.exc.IntegrityError):
        _link(warehouse, "002", *span)


def test_a_position_that_was_dropped_comes_back_with_its_punch(warehouse: Engine, settings: Settings) -> None:
    punch = {"record_id": "1", "user_id": "u1", "punched_at": at("2026-11-02 09:00"), "kind": "field", "latitude": 31.2}
    loaded(warehouse, settings, "one", "dingtalk", punches=[punch])
    with warehouse.begin() as connection:
        connection.execute(sa.text("delete from place.punch_place"))
    loaded(warehouse, settings, "two", "dingtalk", punches=[punch])
    assert rows_of(warehouse, "select latitude from place.punch_place") == [(31.2,)]


def test_of_two_loads_in_the_same_instant_one_is_fenced(warehouse: Engine, settings: Settings) -> None:
    _link(warehouse, "001", "2026-11-01")
    for run in ("one", "two"):
        planned(warehouse, settings, run)
        staged(warehouse, settings, run, "salesforce", visits=[{**VISIT, "status": run}])
    with ThreadPoolExecutor(2) as pool:
        with warehouse.begin() as gate:
            take_turn(gate, "visits")
            futures = {run: pool.submit(load, warehouse, settings, run_id=run) for run in ("one", "two")}
            _wait_for_two(warehouse)
        errors = {run: future.exception(60) for run, future in futures.items()}
    (winner,) = (run for run, error in errors.items() if error is None)
    (error,) = (error for error in errors.values() if error is not None)
    assert isinstance(error, Fenced)
    assert f"Run {winner} loaded visits" in str(error)
    assert rows_of(warehouse, "select status from core.visit") == [(winner,)]


def _wait_for_two(engine: Engine) -> None:
    waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    deadline = time.monotonic() + 30
    while rows_of(engine, waiting) != [(2,)]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
