"""Punches of days outside employment: listed when they come, gone from the list when the days are employed."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from fieldwork.settings import Settings
from fieldwork.steps.build import build
from fieldwork.steps.publish import publish

from .rows import at, loaded, planned, rows_of, staged

ANN = {"user_id": "u1", "employee_no": "001", "hired_on": date(2026, 11, 4)}
PUNCHES = [
    {"record_id": "1", "user_id": "u1", "punched_at": at("2026-11-03 09:00"), "kind": "in"},
    {"record_id": "2", "user_id": "u1", "punched_at": at("2026-11-03 18:00"), "kind": "out"},
    {"record_id": "3", "user_id": "u1", "punched_at": at("2026-11-04 09:00"), "kind": "in"},
]
LISTED = "select employee_id, record_id, work_date, reason from report.uncounted_punch order by record_id"


@pytest.fixture
def listed(warehouse: sa.Engine, settings: Settings) -> sa.Engine:
    """Two punches on the day before the first."""
    loaded(warehouse, settings, "r1", "dingtalk", employees=[ANN], punches=PUNCHES)
    _joined(warehouse, settings, "r1")
    return warehouse


def _joined(engine: sa.Engine, settings: Settings, run_id: str) -> dict[str, Any]:
    built = build(engine, settings, run_id=run_id)
    publish(engine, settings, run_id=run_id)
    return built


def _days(engine: sa.Engine) -> list[date]:
    return [row[0] for row in rows_of(engine, "select work_date from mart.attendance_day order by 1")]


def test_they_are_named_and_every_punch_is_somewhere(listed: sa.Engine) -> None:
    before = date(2026, 11, 3)
    assert rows_of(listed, LISTED) == [("001", "1", before, "before_hire"), ("001", "2", before, "before_hire")]
    assert before not in _days(listed)
    assert rows_of(listed, "select sum(punches) from mart.attendance_day") == [(1,)]
    assert rows_of(listed, "select count(*) from ops.touched") == [(0,)]


def test_an_earlier_first_day_touches_them_and_they_count(listed: sa.Engine, settings: Settings) -> None:
    loaded(listed, settings, "r2", "dingtalk", employees=[ANN | {"hired_on": date(2026, 11, 3)}])
    assert rows_of(listed, "select employee_id, work_date from ops.touched") == [("001", date(2026, 11, 3))]
    _joined(listed, settings, "r2")
    assert rows_of(listed, LISTED) == []
    day = "select status, punches from mart.attendance_day where work_date = '2026-11-03'"
    assert rows_of(listed, day) == [("present", 2)]
    assert rows_of(listed, "select count(*) from mart.uncounted_punch_history") == [(2,)]


def test_a_later_first_day_takes_the_row_and_lists_its_punches(listed: sa.Engine, settings: Settings) -> None:
    loaded(listed, settings, "r2", "dingtalk", employees=[ANN | {"hired_on": date(2026, 11, 5)}])
    _joined(listed, settings, "r2")
    assert [row[1] for row in rows_of(listed, LISTED)] == ["1", "2", "3"]
    assert date(2026, 11, 4) not in _days(listed)


def test_a_deleted_row_does_not_linger(listed: sa.Engine, settings: Settings) -> None:
    """A punch that is moved to an employed day leaves the list."""
    moved = PUNCHES[1] | {"punched_at": at("2026-11-04 18:00")}
    planned(listed, settings, "r2")
    staged(listed, settings, "r2", "dingtalk", punches=[moved])
    from fieldwork.steps.load import load

    load(listed, settings, run_id="r2")
    _joined(listed, settings, "r2")
    assert [row[1] for row in rows_of(listed, LISTED)] == ["1"]
