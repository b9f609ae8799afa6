"""audit: a broken rule on the joined rows stops the run before any reader sees them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.errors import AuditFailed, SuiteUnfit
from fieldwork.settings import Settings
from fieldwork.steps.audit import audit
from fieldwork.warehouse.schema import core, mart
from tests.quality.examples import GOOD

from .rows import planned, rows_of

MONDAY, TUESDAY = date(2026, 11, 2), date(2026, 11, 3)
VIEWS = "select viewname from pg_views where schemaname = 'staging'"


@pytest.fixture
def built(warehouse: Engine, settings: Settings) -> Engine:
    """One good person-day with one visit in run ``run``, and a bad one in run ``other``."""
    with warehouse.begin() as connection:
        origin = {"system": "dingtalk", "batch_id": 1, "loaded_at": sa.func.now()}
        connection.execute(core.employee.insert().values(employee_id="E1", user_id="u1", hired_on=MONDAY, **origin))
    for run_id in ("run", "other"):
        planned(warehouse, settings, run_id)
        _build(warehouse, run_id, MONDAY)
    _change(warehouse, "attendance_day", "other", late_minutes=-1)
    return warehouse


def _build(engine: Engine, run_id: str, day: date) -> None:
    with engine.begin() as connection:
        connection.execute(
            mart.build_person_day.insert().values(run_id=run_id, employee_id="E1", work_date=day, touch_seq=1)
        )
        for table in mart.JOINED:
            row = GOOD[table.name] | {"work_date": day}
            row |= {"anomalies": []} if table.name == "attendance_day" else {}
            row |= {"visit_id": str(day), "record_id": str(day)} if table.name == "visit_check" else {}
            connection.execute(mart.BUILD[table.name].insert().values(run_id=run_id, **row))


def _change(engine: Engine, name: str, run_id: str, **values: Any) -> None:
    table = mart.BUILD[name]
    with engine.begin() as connection:
        connection.execute(sa.update(table).where(table.c.run_id == run_id).values(**values))


def test_good_rows_pass_whatever_another_run_built(built: Engine, settings: Settings) -> None:
    assert audit(built, settings, run_id="run") == {
        "attendance_day": {"checked": 1, "warnings": 0},
        "visit_check": {"checked": 1, "warnings": 0},
        "unmatched_check_in": {"checked": 1, "warnings": 0},
        "performance_day": {"checked": 1, "warnings": 0},
        "uncounted_punch": {"checked": 1, "warnings": 0},
    }
    assert rows_of(built, "select distinct outcome, batch_id from ops.check_result") == [("passed", 0)]
    assert rows_of(built, VIEWS) == []


def test_a_critical_failure_names_rules_and_counts_of_every_table(built: Engine, settings: Settings) -> None:
    _change(built, "performance_day", "other", visits_done=3, amount_won=-1)
    with pytest.raises(AuditFailed) as refused:
        audit(built, settings, run_id="other")
    assert refused.value.happened == (
        "2 critical rules failed on the joined rows of run other: attendance_day.late_minutes (1 of 1 rows), "
        "performance_day.done_within_planned (1 of 1 rows)."
    )
    assert "build.attendance_day, build.performance_day" in refused.value.todo
    assert "fieldwork checks results --run other --failed" in refused.value.todo
    failed = "select rule, severity, keys from ops.check_result where outcome = 'failed' order by 1"
    assert rows_of(built, failed) == [
        ("attendance_day.late_minutes", "critical", ["E1 2026-11-02"]),
        ("performance_day.amount_not_negative", "warning", ["E1 2026-11-02"]),
        ("performance_day.done_within_planned", "critical", ["E1 2026-11-02"]),
    ]
    assert rows_of(built, VIEWS) == []


def test_a_person_day_without_its_row_is_found(built: Engine, settings: Settings) -> None:
    with built.begin() as connection:
        connection.execute(mart.build_person_day.insert().values(run_id="run", employee_id="E1", work_date=TUESDAY))
    with pytest.raises(AuditFailed, match=r"attendance_day\.row_count, performance_day\.row_count\."):
        audit(built, settings, run_id="run")


def test_a_day_before_hiring_needs_no_row(built: Engine, settings: Settings) -> None:
    with built.begin() as connection:
        before = date(2026, 11, 1)
        connection.execute(mart.build_person_day.insert().values(run_id="run", employee_id="E1", work_date=before))
    assert audit(built, settings, run_id="run")["attendance_day"] == {"checked": 1, "warnings": 0}


def test_a_mended_build_passes_and_its_results_replace_the_old(built: Engine, settings: Settings) -> None:
    with pytest.raises(AuditFailed):
        audit(built, settings, run_id="other")
    _change(built, "attendance_day", "other", late_minutes=0)
    audit(built, settings, run_id="other")
    assert rows_of(built, "select distinct outcome from ops.check_result") == [("passed",)]


def test_nothing_built_is_nothing_to_refuse(warehouse: Engine, settings: Settings) -> None:
    planned(warehouse, settings, "run")
    assert audit(warehouse, settings, run_id="run")["performance_day"] == {"checked": 0, "warnings": 0}


def test_a_view_left_by_a_killed_audit_is_replaced(
    built: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop = sa.DropView
    monkeypatch.setattr(sa, "DropView", lambda *args, **more: sa.text("select 1"))
    audit(built, settings, run_id="run")
    assert len(rows_of(built, VIEWS)) == len(mart.JOINED)
    monkeypatch.setattr(sa, "DropView", drop)
    audit(built, settings, run_id="run")
    assert rows_of(built, VIEWS) == []


def test_a_rule_that_could_not_run_is_no_verdict(built: Engine, settings: Settings) -> None:
    with built.begin() as connection:
        connection.execute(sa.text("alter table build.visit_check rename column score to fit"))
        connection.execute(sa.text("alter table build.visit_check add column score text"))
    with pytest.raises(SuiteUnfit, match=r"visit_check could not run: visit_check\.score \("):
        audit(built, settings, run_id="run")
