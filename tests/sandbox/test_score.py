"""The score: 100 % for a warehouse that holds the truth, and each sort of mistake counted and named."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import Connection, Engine, insert, text

from fieldwork.errors import ConfigError
from fieldwork.sandbox.city import generate
from fieldwork.sandbox.company import Company
from fieldwork.sandbox.files import write_truth
from fieldwork.sandbox.score import MOST_DIFFERENCES, Matching, Score, render, score
from fieldwork.settings import Settings
from fieldwork.warehouse.schema import mart
from tests.sandbox.city_run import run_city


@pytest.fixture(scope="module")
def company() -> Company:
    return generate(people=20, days=5, faults="none")


def publish(connection: Connection, company: Company) -> None:
    """The truth, published as a perfect run would."""
    same = {"published_at": company.truth["checkins"]["punched_at"][0].as_py(), "rule_version": "test"}
    uncounted = ("punches", *(f"{name}_minutes" for name in ("overtime", "leave", "trip", "planned", "norm")))
    plain = {"anomalies": [], "calendar_kind": "workday", "hours_system": "standard", **dict.fromkeys(uncounted, 0)}
    days = [{**row, **same, **plain} for row in company.truth["attendance"].drop_columns("user_id").to_pylist()]
    told = {"reason": "", "reason_code": "", "signals": []}
    visits = [{**row, **same, **told} for row in company.truth["visits"].drop_columns("user_id").to_pylist()]
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
    assert result.ours.right_edges == result.ours.real_edges > 100
    assert result.f1 == 1
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
    ours = result.ours
    assert ours.right_edges == ours.found_edges - 1 == ours.real_edges - 1
    assert result.precision == result.recall == result.f1 < 1
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
    assert "no row" in screen.getvalue()
    assert "F1" in screen.getvalue()


def test_a_check_in_on_leaving_proves_the_visit_too(spoilt: Callable[[str], Score], company: Company) -> None:
    """Two check-ins were made for some visits; either of them is right."""
    made = company.truth["checkins"].to_pylist()
    visits = [row["visit_id"] for row in made if row["visit_id"]]
    twice = {visit for visit in visits if visits.count(visit) == 2}
    real = {row["visit_id"]: row["checked_in_at"] for row in company.truth["visits"].to_pylist()}
    other = next(row for row in made if row["visit_id"] in twice and row["punched_at"] != real[row["visit_id"]])
    result = spoilt(
        f"update mart.visit_check set checked_in_at = '{other['punched_at']}' where visit_id = '{other['visit_id']}' "
        "and verdict = 'verified'"
    )
    assert result.f1 == 1
    assert result.differences == ()


def test_every_miss_has_a_reason(spoilt: Callable[[str], Score]) -> None:
    result = spoilt("update mart.visit_check set verdict = 'no_check_in' where verdict = 'verified'")
    assert {(one.kind, one.reason) for one in result.reasons} == {("missed", "the check-in is not loaded")}
    assert sum(one.edges for one in result.reasons) == result.ours.real_edges


def test_visits_that_are_not_computed_are_a_reason(spoilt: Callable[[str], Score]) -> None:
    result = spoilt("delete from mart.visit_check")
    assert {one.reason for one in result.reasons} == {"the visit is not computed"}


def test_f1_is_the_harmonic_mean() -> None:
    one = Matching("m", real_edges=10, found_edges=8, right_edges=6)
    assert one.f1 == pytest.approx(2 * 0.75 * 0.6 / (0.75 + 0.6))
    assert Matching("m", 0, 0, 0).f1 == 1


# --- whole cities, through the real steps
def judge(engine: Engine, settings: Settings, least: float, **options: Any) -> Score:
    """Run the city and score it: F1 is high enough, far above the plain ways, and every miss has a reason."""
    city = generate(**options)
    run_city(engine, settings, city, checked=options["faults"] == "storm")
    found = score(engine, city.truth)
    screen = io.StringIO()
    Console(file=screen, width=160).print(render(found))
    print(screen.getvalue())
    assert found.f1 >= least
    assert [one.method for one in found.baselines] == ["nearest in time", "nearest in distance"]
    assert all(found.f1 - one.f1 > 0.02 for one in found.baselines)
    missed = {one.reason: one.edges for one in found.reasons if one.kind == "missed"}
    assert "unexplained" not in missed
    assert sum(missed.values()) == found.ours.real_edges - found.ours.right_edges
    assert sum(one.edges for one in found.reasons) > sum(missed.values()), "nothing is wrong"
    return found


def test_a_city_in_a_storm(warehouse: Engine, settings: Settings) -> None:
    found = judge(warehouse, settings, 0.95, people=80, days=7, faults="storm")
    said = " ".join(one.reason for one in found.reasons)
    assert "punches.latitude_in_range" in said
    assert "null_island" in said


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("faults", "least"), [("usual", 0.99), ("storm", 0.95)])
def test_five_thousand_people_and_fifty_days(warehouse: Engine, settings: Settings, faults: str, least: float) -> None:
    found = judge(warehouse, settings, least, people=5_000, days=50, faults=faults)
    assert found.ours.real_edges > 300_000
