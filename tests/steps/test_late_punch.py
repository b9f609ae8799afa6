"""One punch arrives twenty days late: its person-day is computed again and no other, however long the history is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

import pyarrow as pa
import pytest
import sqlalchemy as sa

from fieldwork.cli.summary import show_run
from fieldwork.connectors.base import RowResult
from fieldwork.settings import Settings
from fieldwork.steps import difference
from fieldwork.steps.build import build
from fieldwork.steps.load import load
from fieldwork.steps.publish import publish
from fieldwork.steps.rebuild import rehearse
from fieldwork.steps.write_back import write_back
from fieldwork.warehouse.schema import core
from tests.bench.history import Accepting, fill, publish_all
from tests.steps.rows import planned, rows_of, staged

FIRST = date(2026, 10, 5)
LATE = date(2026, 10, 14)


class Listening(Accepting):
    """Says yes, and remembers which records it was sent."""

    def __init__(self, keeps: Collection[str]) -> None:
        super().__init__(keeps)
        self.sent: list[tuple[str, str]] = []

    def upsert(self, kind: str, rows: pa.Table) -> Sequence[RowResult]:
        self.sent += [(kind, key) for key in rows.column("key").to_pylist()]
        return super().upsert(kind, rows)


def newest(engine: sa.Engine) -> set[tuple[str, str]]:
    """The rows that were published last, by table and key."""
    return {
        (name, key)
        for name, own in (
            ("attendance_day", "work_date"),
            ("visit_check", "visit_id"),
            ("performance_day", "work_date"),
        )
        for (key,) in rows_of(
            engine,
            f"select employee_id || ' ' || {own} from mart.{name} "
            "where published_at = (select max(published_at) from mart.performance_day)",
        )
    }


@pytest.mark.timeout(3000)
@pytest.mark.parametrize(
    ("people", "days", "least"), [(12, 30, 1000), pytest.param(5300, 50, 1_000_000, marks=pytest.mark.slow)]
)
def test_one_late_punch(
    warehouse: sa.Engine,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    people: int,
    days: int,
    least: int,
) -> None:
    fill(warehouse, settings, people, FIRST, days)
    with warehouse.begin() as connection:
        gone = sa.delete(core.punch).where(core.punch.c.record_id == f"p7-{(LATE - FIRST).days}-1")
        assert connection.execute(gone).rowcount == 1
    crm = Listening({f"E00007:{LATE}"})
    publish_all(warehouse, settings, FIRST, FIRST + timedelta(days=days), crm)
    crm.sent.clear()
    assert rows_of(warehouse, "select count(*) from core.punch")[0][0] >= least

    day = datetime.combine(LATE, datetime.min.time(), settings.time_zone)
    planned(warehouse, settings, "late", since=FIRST + timedelta(days=days - 1), until=FIRST + timedelta(days=days),
            as_of=day + timedelta(days=days))  # fmt: skip
    punch = {"record_id": "late", "user_id": "u7", "punched_at": day + timedelta(hours=8, minutes=10), "kind": "in"}
    staged(warehouse, settings, "late", "dingtalk", punches=[punch])
    loaded = load(warehouse, settings, run_id="late")
    assert (loaded["punches"]["loaded"], loaded["punches"]["touched"]) == (1, 1)
    assert build(warehouse, settings, run_id="late")["person_days"] == 1
    assert rows_of(warehouse, "select employee_id, work_date from build.person_day") == [("E00007", LATE)]
    done = publish(warehouse, settings, run_id="late")
    assert {name: n["changed"] for name, n in done.items() if n["changed"]} == {
        "attendance_day": 1, "performance_day": 1,
    }  # fmt: skip
    assert newest(warehouse) == {("attendance_day", f"E00007 {LATE}"), ("performance_day", f"E00007 {LATE}")}
    kept = "select h.employee_id, h.work_date, h.status, a.status from mart.attendance_day_history as h"
    history = rows_of(warehouse, f"{kept} join mart.attendance_day as a using (employee_id, work_date)")
    assert history == [("E00007", LATE, "late", "present")]

    write_back(warehouse, settings, crm, run_id="late")
    assert crm.sent == [("performance", f"E00007:{LATE}")]

    with rehearse(warehouse, since=FIRST, until=FIRST + timedelta(days=days)) as (connection, computed):
        assert computed == people * days
        assert list(difference.lines(connection)) == [], "the restated warehouse is a rebuilt one, row for row"
    show_run(warehouse, "late")
    told = " ".join(capsys.readouterr().out.split())
    assert "person-days 1" in told
    assert "attendance_day 1 0 1 0 0" in told
