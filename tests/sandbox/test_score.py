"""The score: 100 % for a warehouse that holds the truth, and each sort of mistake counted and named."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import Connection, Engine, insert, text

from fieldwork.errors import ConfigError
from fieldwork.sandbox.city import generate
from fieldwork.sandbox.company import Company
from fieldwork.sandbox.files import write_truth
from fieldwork.sandbox.score import MOST_DIFFERENCES, Score, render, score
from fieldwork.warehouse.schema import mart


@pytest.fixture(scope="module")
def company() -> Company:
    return generate(people=20, days=5, faults="none")


def publish(connection: Connection, company: Company) -> None:
    """The truth, published as a perfect run would."""
    same = {"published_at": company.truth["checkins"]["punched_at"][0].as_py(), "rule_version": "test"}
    days = [
        {**row, **same, "punches": 0, "overtime_minutes": 0, "leave_minutes": 0, "planned_minutes": 0, "anomalies": []}
        for row in company.truth["attendance"].drop_columns("user_id").to_pylist()
    ]
    visits = [{**row, **same, "reason": ""} for row in company.truth["visits"].drop_columns("user_id").to_pylist()]
    connection.execute(insert(mart.attendance_day), days)
    connection.execute(insert(mart.visit_check), visits)


@pytest.fixture
def spoilt(warehouse: Engine, company: Company) -> Callable[[str], Score]:
    """Publish the truth, break it with one statement, score it."""

    def run(statement: str) -> Score:
        with warehouse.begin() as connection:
            publish(connection, company)
            connection.execute(text(statement))
        return score(warehouse, company.truth)

    return run


NOTHING = "select 1"


def test_a_warehouse_that_holds_the_truth_is_right(spoilt: Callable[[str], Score], company: Company) -> None:
    result = spoilt(NOTHING)
    assert (result.attendance, result.minutes, result.verdicts, result.precision, result.recall) == (1, 1, 1, 1, 1)
    assert result.person_days == len(company.truth["attendance"]) > 90
    assert result.visits == len(company.truth["visits"])
    assert result.right_edges == result.real_edges > 100
    assert result.differences == ()


def test_an_empty_warehouse_has_nothing_right(warehouse: Engine, company: Company) -> None:
    result = score(warehouse, company.truth)
    assert (result.attendance, result.minutes, result.verdicts, result.recall) == (0, 0, 0, 0)
    assert result.precision == 1  # it found nothing, so nothing that it found is wrong
    assert len(result.differences) == MOST_DIFFERENCES
    assert {one.got for one in result.differences} == {"no row"}


@pytest.mark.parametrize(
    ("change", "expected", "got"),
    [
        ("set status = 'late', late_minutes = 7", "present, late 0", "late, late 7"),
        ("set late_minutes = 1", "present, late 0", "present, late 1"),
    ],
)
def test_a_wrong_day_is_counted_and_named(spoilt: Callable[[str], Score], change: str, expected: str, got: str) -> None:
    result = spoilt(
        f"update mart.attendance_day {change} where ctid = (select min(ctid) from mart.attendance_day"
        " where status = 'present')"
    )
    assert result.equal_person_days == result.person_days - 1
    (one,) = result.differences
    assert (one.what, one.expected, one.got) == ("person-day", expected, got)


def test_wrong_minutes_are_counted_apart(spoilt: Callable[[str], Score]) -> None:
    result = spoilt("update mart.attendance_day set worked_minutes = worked_minutes + 1 where status = 'present'")
    assert result.attendance == 1
    assert result.minutes < 0.5


def test_a_row_too_many_counts_within_the_days_of_the_truth(spoilt: Callable[[str], Score]) -> None:
    copies = 'insert into mart.attendance_day select (jsonb_populate_record(d, \'{"employee_id": "X"}\')).* '
    result = spoilt(copies + "from mart.attendance_day as d where work_date = (select min(work_date) from "
                    "mart.attendance_day) limit 1")  # fmt: skip
    assert result.equal_person_days == result.person_days - 1
    assert result.differences[0].expected == "no row"


def test_days_outside_the_truth_do_not_count(spoilt: Callable[[str], Score], company: Company) -> None:
    result = spoilt("update mart.attendance_day set work_date = work_date + 100")
    assert (result.person_days, result.equal_person_days) == (len(company.truth["attendance"]), 0)


def test_an_edge_to_the_wrong_check_in_costs_precision_and_recall(spoilt: Callable[[str], Score]) -> None:
    result = spoilt(
        "update mart.visit_check set checked_in_at = checked_in_at + interval '1 minute' where ctid = (select min(ctid)"
        " from mart.visit_check where verdict = 'verified')"
    )
    assert result.verdicts == 1
    assert result.right_edges == result.found_edges - 1 == result.real_edges - 1
    assert result.precision == result.recall < 1
    (one,) = result.differences
    assert one.what == "visit"
    assert one.expected.startswith("verified by 2026-")
    assert one.expected != one.got


def test_a_missed_edge_costs_recall_alone_a_false_one_precision_alone(warehouse: Engine, company: Company) -> None:
    with warehouse.begin() as connection:
        publish(connection, company)
        connection.execute(text("update mart.visit_check set verdict = 'no_check_in' where verdict = 'verified'"
                                " and work_date = :day"), {"day": date(2026, 11, 3)})  # fmt: skip
    missed = score(warehouse, company.truth)
    assert missed.precision == 1
    assert 0.5 < missed.recall < 1
    with warehouse.begin() as connection:
        connection.execute(text("delete from mart.visit_check"))
        connection.execute(text("delete from mart.attendance_day"))
        publish(connection, company)
        connection.execute(text("update mart.visit_check set verdict = 'verified' where verdict = 'no_check_in'"))
    false = score(warehouse, company.truth)
    assert false.recall == 1
    assert 0.5 < false.precision < 1


def test_truth_may_be_a_directory(warehouse: Engine, company: Company, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="truth_attendance"):
        score(warehouse, tmp_path)
    write_truth(company, tmp_path)
    with warehouse.begin() as connection:
        publish(connection, company)
    assert score(warehouse, tmp_path) == score(warehouse, company.truth)
    with warehouse.connect() as connection:
        left = connection.execute(text("select count(*) from pg_class where relname like 'truth_%'")).scalar_one()
    assert left == 0


def test_the_table_shows_shares_and_differing_keys(spoilt: Callable[[str], Score]) -> None:
    result = spoilt("delete from mart.attendance_day where ctid = (select min(ctid) from mart.attendance_day)")
    screen = io.StringIO()
    Console(file=screen, width=160).print(render(result))
    assert "precision" in screen.getvalue()
    assert "100.00%" in screen.getvalue()
    assert result.differences[0].key in screen.getvalue()
    assert "got no row" in screen.getvalue()
