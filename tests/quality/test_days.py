"""A day's rows beside the same weekday's: days off left out, make-up days with all, and too little says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.errors import BatchRuleFailed
from fieldwork.quality import batch_day
from fieldwork.quality.acceptance import Acceptance
from fieldwork.settings import Settings
from fieldwork.steps import show_failing
from fieldwork.steps.check import check
from fieldwork.steps.extract import extract
from fieldwork.streams import STREAMS, Window
from fieldwork.warehouse import ledger, staging
from fieldwork.warehouse.schema import core, ops
from tests.steps.rows import RowSource, at, planned, rows_of

#: Wednesdays of autumn 2026; the first of October is a holiday, the tenth (a Saturday) a make-up workday.
WEDNESDAY = date(2026, 11, 4)
DAYS = "select day::text, rows, whole, expected, usual, share from ops.batch_day where batch_id = {} order by day"


def _history(
    engine: Engine, stream: str, rows: Mapping[date, int], *, state: str = "closed", whole: bool = True
) -> None:
    """One batch of an earlier run that held these rows."""
    system = {"attendance": "dingtalk", "crm": "salesforce"}[STREAMS[stream].side]
    with engine.begin() as connection:
        batch_id = connection.execute(
            sa.insert(ops.batch)
            .values(run_id="old", system=system, stream=stream, kind="extract", state=state, opened_at=sa.func.now())
            .returning(ops.batch.c.batch_id)
        ).scalar_one()
        lines = [
            {"batch_id": batch_id, "day": day, "rows": count, "whole": whole, "expected": False}
            for day, count in rows.items()
        ]
        connection.execute(sa.insert(ops.batch_day), lines)


def _weeks(*rows: int, before: date = WEDNESDAY) -> dict[date, int]:
    """The same weekday in the weeks before, newest first."""
    return {before - timedelta(weeks=n): count for n, count in enumerate(rows, start=1)}


def _punches(engine: Engine, settings: Settings, rows: Mapping[date, int], start: datetime, end: datetime) -> str:
    """Stage so many punches of each day, at noon, for a window; measured twice. Returns the query of its days."""
    planned(engine, settings, "now", as_of=max(end, at("2026-11-08 08:00")))
    with engine.begin() as connection:
        window = Window(start, end)
        batch = ledger.open_batch(connection, run_id="now", system="dingtalk", stream="punches", window=window)
        staging.create(connection, STREAMS["punches"], batch.batch_id)
        for day, count in rows.items():
            connection.execute(
                sa.text(
                    f'insert into staging."b{batch.batch_id}" (record_id, punched_at)'
                    " select n::text, :noon from generate_series(1, :count) as n"
                ),
                {"noon": at(f"{day} 12:00"), "count": count},
            )
        run = ledger.read_run(connection, "now")
        for _ in range(2):
            batch_day.measure(connection, settings, run, batch)
    return DAYS.format(batch.batch_id)


def _one_day(engine: Engine, settings: Settings, count: int, day: date = WEDNESDAY) -> tuple[Any, ...]:
    query = _punches(engine, settings, {day: count}, at(f"{day} 00:00"), at(f"{day + timedelta(days=1)} 12:00"))
    (found,) = rows_of(engine, query)
    return found


def test_a_day_is_compared_with_the_median_of_its_weekday(warehouse: Engine, settings: Settings) -> None:
    _history(warehouse, "punches", _weeks(200, 220, 10, 9999, 240))  # the fourth: October 7th, a holiday
    _history(warehouse, "punches", {WEDNESDAY - timedelta(days=1): 9999})  # a Tuesday
    assert _one_day(warehouse, settings, 105) == ("2026-11-04", 105, True, False, 210.0, 0.5)


def test_of_a_day_that_was_read_again_the_last_reading_counts_if_it_was_loaded(
    warehouse: Engine, settings: Settings
) -> None:
    _history(warehouse, "punches", _weeks(1, 1, 1))
    _history(warehouse, "punches", _weeks(200, 200, 200))
    _history(warehouse, "punches", _weeks(7, 7, 7), state="abandoned")
    _history(warehouse, "punches", _weeks(8, 8, 8), whole=False)
    _history(warehouse, "visits", _weeks(9, 9, 9))
    assert _one_day(warehouse, settings, 100)[4:] == (200.0, 0.5)


def test_holidays_are_not_compared_nor_compared_with(warehouse: Engine, settings: Settings) -> None:
    thursday = date(2026, 10, 29)
    _history(warehouse, "punches", _weeks(200, 220, 240, 9999, 260, before=thursday))  # the fourth: October 1st
    assert _one_day(warehouse, settings, 115, thursday)[4:] == (230.0, 0.5)


def test_a_day_off_says_nothing(warehouse: Engine, settings: Settings) -> None:
    saturday = date(2026, 10, 31)
    _history(warehouse, "punches", _weeks(200, 200, 200, before=saturday))
    assert _one_day(warehouse, settings, 1, saturday)[3:] == (False, None, None)


def test_a_make_up_workday_is_compared_with_every_worked_day(warehouse: Engine, settings: Settings) -> None:
    makeup = date(2026, 10, 10)
    days = {date(2026, 9, 21) + timedelta(days=n): 300 for n in range(4)}  # Monday to Thursday
    _history(warehouse, "punches", days | {date(2026, 9, 19): 2})  # and a Saturday off
    assert _one_day(warehouse, settings, 150, makeup)[4:] == (300.0, 0.5)


@pytest.mark.parametrize("history", [(200, 200), (99, 99, 99)])
def test_too_little_to_compare_with_says_nothing(
    warehouse: Engine, settings: Settings, history: tuple[int, ...]
) -> None:
    _history(warehouse, "punches", _weeks(*history))
    assert _one_day(warehouse, settings, 1)[4:] == (None, None)


def test_weeks_too_long_ago_do_not_count(warehouse: Engine, settings: Settings) -> None:
    _history(warehouse, "punches", {WEDNESDAY - timedelta(weeks=n): 200 for n in (8, 9, 10)})
    assert _one_day(warehouse, settings, 100)[4:] == (None, None)


def test_every_whole_day_of_a_window_is_counted_by_the_companys_clock(warehouse: Engine, settings: Settings) -> None:
    rows = {date(2026, 11, day): day for day in (2, 3, 5, 6)}
    query = _punches(warehouse, settings, rows, at("2026-11-02 08:00"), at("2026-11-06 12:00"))
    # the second has begun before the window, the sixth is not over; the fourth has no row and is there
    assert [row[:3] for row in rows_of(warehouse, query)] == [
        ("2026-11-03", 3, True), ("2026-11-04", 0, True), ("2026-11-05", 5, True)
    ]  # fmt: skip


def test_earlier_days_of_the_same_batch_are_history_too(warehouse: Engine, settings: Settings) -> None:
    rows = _weeks(200, 210, 220) | {WEDNESDAY: 21}
    query = _punches(warehouse, settings, rows, at("2026-10-10 00:00"), at("2026-11-05 12:00"))
    assert rows_of(warehouse, query)[-1][4:] == (210.0, 0.1)


@pytest.mark.parametrize(("people", "expected"), [(49, False), (50, True)])
def test_where_many_people_are_employed_a_worked_day_is_expected_to_have_rows(
    warehouse: Engine, settings: Settings, people: int, expected: bool
) -> None:
    with warehouse.begin() as connection:
        hired = {"system": "dingtalk", "batch_id": 1, "loaded_at": sa.func.now(), "hired_on": WEDNESDAY}
        lines = [{"employee_id": f"E{n}", "user_id": f"u{n}", **hired} for n in range(people)]
        lines[0] |= {"left_on": WEDNESDAY}
        for line in lines:
            connection.execute(core.employee.insert().values(line))
    query = _punches(warehouse, settings, {}, at("2026-11-03 00:00"), at("2026-11-06 12:00"))
    assert [(row[0], row[3]) for row in rows_of(warehouse, query)] == [
        ("2026-11-03", False), ("2026-11-04", expected), ("2026-11-05", False)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("since", "day", "whole"),
    [
        ("2026-11-04 02:20", "2026-11-04", True),
        ("2026-11-02 02:20", "2026-11-04", False),
        ("2026-11-04 20:00", "2026-11-04", False),
        (None, "2026-11-04", False),
    ],
)
def test_a_read_of_changes_is_one_day_and_comparable_when_it_covers_one(
    warehouse: Engine, settings: Settings, since: str | None, day: str, whole: bool
) -> None:
    _history(warehouse, "visits", _weeks(200, 200, 200))
    now = at("2026-11-05 02:30")
    planned(warehouse, settings, "now", as_of=now)
    with warehouse.begin() as connection:
        window = Window(at(since) if since else None, now)
        batch = ledger.open_batch(connection, run_id="now", system="salesforce", stream="visits", window=window)
        staging.create(connection, STREAMS["visits"], batch.batch_id)
        connection.execute(
            sa.text(
                f'insert into staging."b{batch.batch_id}" (visit_id, modified_at)'
                " select n::text, :stamp from generate_series(1, 100) as n"
            ),
            {"stamp": now - timedelta(days=3)},
        )
        batch_day.measure(connection, settings, ledger.read_run(connection, "now"), batch)
    share = (200.0, 0.5) if whole else (None, None)
    assert rows_of(warehouse, DAYS.format(batch.batch_id)) == [(day, 100, whole, False, *share)]
    stale = f"select stale_days from ops.batch_day where batch_id = {batch.batch_id}"
    assert rows_of(warehouse, stale) == [(3.0,)]


def test_a_day_of_far_too_few_punches_stops_the_run_is_shown_and_can_be_accepted(
    warehouse: Engine, settings: Settings
) -> None:
    _history(warehouse, "punches", _weeks(2000, 2000, 2000))
    planned(warehouse, settings, "run", since=WEDNESDAY, until=WEDNESDAY + timedelta(days=1))
    punches = [
        {"record_id": str(n), "user_id": "u1", "punched_at": at("2026-11-04 09:00"), "kind": "in"} for n in range(20)
    ]
    extract(warehouse, settings, RowSource("dingtalk", punches=[punches]), run_id="run", stream="punches")
    with pytest.raises(BatchRuleFailed, match=r"failed: days\.plausible: punches 2026-11-04\.") as stop:
        check(warehouse, settings, run_id="run")
    assert "fieldwork checks show --run run --rule days.plausible" in stop.value.todo
    show = {"batch_id": None, "run_id": "run", "limit": 5, "purpose": None}
    found = show_failing.find(warehouse, settings, "days.plausible", **show)
    (day,) = (dict(zip(found.columns, row, strict=True)) for row in found.rows)
    assert (day["stream"], day["day"], day["rows"], day["usual"], day["share"]) == (
        "punches",
        WEDNESDAY,
        20,
        2000,
        0.01,
    )
    failed = "select rule, severity, failing, total, keys from ops.check_result where outcome = 'failed' order by rule"
    assert rows_of(warehouse, failed) == [
        ("days.plausible", "critical", 1, 1, ["2026-11-04"]),
        ("days.usual", "warning", 1, 1, ["2026-11-04"]),
    ]
    accepted = Acceptance(frozenset(["days.plausible"]), by="ann", why="a storm, everybody stayed at home")
    told = check(warehouse, settings, run_id="run", accepted=accepted)
    assert told == {"punches": {"checked": 20, "quarantined": 20, "warnings": 1}}
