"""Each cause of a restatement touches and rebuilds its person-days and no others; what was believed before is kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

import pytest
import sqlalchemy as sa

from fieldwork import settings as settings_module
from fieldwork.settings import Settings
from fieldwork.steps import difference
from fieldwork.steps.build import build
from fieldwork.steps.load import load
from fieldwork.steps.publish import publish
from fieldwork.steps.rebuild import rehearse
from fieldwork.steps.write_back import write_back
from fieldwork.warehouse.engine import libpq_url
from tests.steps.rows import at, planned, rows_of, staged
from tests.writeback.crm import MemoryCrm

Row = dict[str, Any]
DAYS: Final = [f"2026-11-0{n}" for n in range(2, 7)]
HERE: Final = {"latitude": 31.2304, "longitude": 121.4737}
STAMP: Final = datetime(2026, 11, 7, tzinfo=UTC)
#: stream, a row; a later row of the same key is an edit
System = tuple[str, Row]


def punch(record_id: str, user_id: str, when: str, kind: str, **more: Any) -> System:
    return "punches", {"record_id": record_id, "user_id": user_id, "punched_at": at(when), "kind": kind} | more


def visit(visit_id: str, day: str, account_id: str = "a1", **more: Any) -> System:
    row = {
        "visit_id": visit_id, "owner_id": "c1", "account_id": account_id, "planned_start": at(f"{day} 10:00"),
        "planned_end": at(f"{day} 11:00"), "status": "planned", "modified_at": STAMP, "deleted": False,
    }  # fmt: skip
    return "visits", row | more


def task(task_id: str, due: str, done: str | None = None, **more: Any) -> System:
    row = {
        "task_id": task_id, "owner_id": "c1", "account_id": "a1", "due_on": date.fromisoformat(due), "status": "open",
        "modified_at": STAMP, "deleted": False,
    }  # fmt: skip
    return "tasks", row | ({"status": "done", "completed_at": at(done)} if done else {}) | more


def opportunity(opportunity_id: str, created: str, closed: str, **more: Any) -> System:
    row = {
        "opportunity_id": opportunity_id, "owner_id": "c1", "account_id": "a1", "stage": "Open", "is_won": False,
        "amount": 100, "currency": "CNY", "created_at": at(created), "closed_on": date.fromisoformat(closed),
        "modified_at": STAMP, "deleted": False,
    }  # fmt: skip
    return "opportunities", row | more


def leave(approval_id: str, start: str, end: str, kind: str = "leave") -> System:
    return "leave", {
        "approval_id": approval_id,
        "user_id": "u1",
        "kind": kind,
        "start_at": at(start),
        "end_at": at(end),
    }


def account(account_id: str, **more: Any) -> System:
    return "accounts", {"account_id": account_id, "name": account_id, "modified_at": STAMP} | HERE | more


def employee(user_id: str, number: str, **more: Any) -> System:
    return "employees", {"user_id": user_id, "employee_no": number, "name": "n", "team": "t"} | more


def crm_user(crm_user_id: str, number: str) -> System:
    return "crm_users", {"crm_user_id": crm_user_id, "employee_no": number, "active": True, "modified_at": STAMP}


PEOPLE: Final = [employee("u1", "001"), employee("u2", "002")]
FIRST: Final[list[System]] = [
    *PEOPLE,
    *(punch(f"{u}{d}in", u, f"{d} 09:00", "in") for u in ("u1", "u2") for d in DAYS),
    *(punch(f"{u}{d}out", u, f"{d} 18:00", "out") for u in ("u1", "u2") for d in DAYS),
    leave("l1", "2026-11-04 09:00", "2026-11-06 18:00"),
    crm_user("c1", "001"),
    crm_user("c2", "002"),
    account("a1"),
    account("a2"),
    visit("v1", "2026-11-03"),
    visit("v2", "2026-11-04", "a2"),
    visit("gone", "2026-11-02", status="cancelled"),
    task("t1", "2026-11-03"),
    opportunity("o1", "2026-11-02 10:00", "2026-11-20"),
]  # fmt: skip

#: what happens, the rows that tell of it, and the person-days that are rebuilt, in this order on one warehouse
CAUSES: Final[list[tuple[str, list[System], set[tuple[str, int]]]]] = [
    ("the same rows again", FIRST[-9:], set()),
    ("a late punch", [punch("late", "u1", "2026-11-03 08:50", "in")], {("001", 3)}),
    ("a punch that the source moves to another day",
     [punch("late", "u1", "2026-11-03 08:50", "in", work_date=date(2026, 11, 2))], {("001", 2), ("001", 3)}),
    ("a late check-in", [punch("field", "u1", "2026-11-03 10:30", "field", **HERE)], {("001", 3)}),
    ("its position is corrected", [punch("field", "u1", "2026-11-03 10:30", "field", latitude=31.3, longitude=121.4)],
     {("001", 3)}),
    ("a visit is marked done", [visit("v1", "2026-11-03", status="done")], {("001", 3)}),
    ("a visit moves to another day", [visit("v1", "2026-11-05", status="done")], {("001", 3), ("001", 5)}),
    ("a visit goes to a colleague", [visit("v1", "2026-11-05", owner_id="c2")], {("001", 5), ("002", 5)}),
    ("a visit is cancelled", [visit("v2", "2026-11-04", "a2", status="cancelled")], {("001", 4)}),
    ("a cancelled visit is deleted", [visit("v2", "2026-11-04", "a2", status="cancelled", deleted=True)], set()),
    ("a visit comes back", [visit("v2", "2026-11-04", "a2")], {("001", 4)}),
    ("a visit is deleted", [visit("v1", "2026-11-05", owner_id="c2", deleted=True)], {("002", 5)}),
    ("an account moves", [account("a2", latitude=31.4)], {("001", 4)}),
    ("an account's geofence grows", [account("a2", latitude=31.4, radius_m=900.0)], {("001", 4)}),
    ("an account is renamed", [account("a2", latitude=31.4, radius_m=900.0, name="other")], set()),
    ("a task is completed the day after", [task("t1", "2026-11-03", "2026-11-04 09:00")], {("001", 3), ("001", 4)}),
    ("a task's due day moves", [task("t1", "2026-11-02", "2026-11-04 09:00")], {("001", 2), ("001", 3)}),
    ("a task loses its customer", [task("t1", "2026-11-02", "2026-11-04 09:00", account_id=None)], {("001", 4)}),
    ("a task is cancelled", [task("t1", "2026-11-02", status="cancelled")], {("001", 2)}),
    ("an open opportunity's close day moves", [opportunity("o1", "2026-11-02 10:00", "2026-11-25")], set()),
    ("an opportunity is won", [opportunity("o1", "2026-11-02 10:00", "2026-11-05", is_won=True)], {("001", 5)}),
    ("its amount changes", [opportunity("o1", "2026-11-02 10:00", "2026-11-05", is_won=True, amount=7)], {("001", 5)}),
    ("its stage is renamed", [opportunity("o1", "2026-11-02 10:00", "2026-11-05", is_won=True, amount=7, stage="Won")],
     set()),
    ("it is deleted", [opportunity("o1", "2026-11-02 10:00", "2026-11-05", is_won=True, amount=7, deleted=True)],
     {("001", 2), ("001", 5)}),
    ("a leave ends a day earlier", [leave("l1", "2026-11-04 09:00", "2026-11-05 18:00")], {("001", 5), ("001", 6)}),
    ("a leave begins at noon", [leave("l1", "2026-11-04 12:00", "2026-11-05 18:00")], {("001", 4)}),
    ("a leave becomes overtime", [leave("l1", "2026-11-04 12:00", "2026-11-05 18:00", "overtime")],
     {("001", 4), ("001", 5)}),
    ("a visit of a user nobody knows", [visit("v9", "2026-11-06", owner_id="c9")], set()),
    ("the user is linked", [crm_user("c9", "002")], {("002", 6)}),
    ("somebody left on Thursday", [PEOPLE[0], employee("u2", "002", left_on=date(2026, 11, 5))], {("002", 6)}),
]  # fmt: skip


class Journey:
    """Runs over one week, one after the other, with what each is told."""

    def __init__(self, engine: sa.Engine, settings: Settings) -> None:
        self.engine, self.settings, self.crm, self.runs = engine, settings, MemoryCrm(), 0

    def run(self, facts: Sequence[System]) -> tuple[set[Any], set[Any], set[tuple[str, str]]]:
        """Touched and rebuilt person-days (number of the day), and the records that the CRM was sent."""
        self.runs += 1
        run_id = f"r{self.runs}"
        planned(self.engine, self.settings, run_id)
        for system, side in (("dingtalk", ("employees", "punches", "leave")), ("salesforce", ())):
            told: dict[str, list[Row]] = {}
            for stream, row in facts:
                if (stream in side) == bool(side):
                    told.setdefault(stream, []).append(row)
            staged(self.engine, self.settings, run_id, system, **told)
        load(self.engine, self.settings, run_id=run_id)
        touched = self._days("ops.touched")
        build(self.engine, self.settings, run_id=run_id)
        rebuilt = self._days("build.person_day")
        publish(self.engine, self.settings, run_id=run_id)
        assert self._days("ops.touched") == set()
        writes = len(self.crm.writes)
        write_back(self.engine, self.settings, self.crm, run_id=run_id)
        return touched, rebuilt, {(kind, key) for kind, keys in self.crm.writes[writes:] for key in keys}

    def _days(self, table: str) -> set[tuple[str, int]]:
        return {(e, day.day) for e, day in rows_of(self.engine, f"select employee_id, work_date from {table}")}


@pytest.fixture(scope="module")
def journey(shared_warehouse: sa.Engine) -> Journey:
    """The first facts published and written back."""
    url = libpq_url(shared_warehouse)
    settings = settings_module.load({"FIELDWORK_HOME": "/nowhere", "FIELDWORK_WAREHOUSE_URL": url})
    here = Journey(shared_warehouse, settings)
    here.run(FIRST)
    return here


@pytest.mark.timeout(600)
def test_every_cause_restates_its_person_days_and_no_others(journey: Journey) -> None:
    wrong = []
    for cause, facts, expected in CAUSES:
        touched, rebuilt, sent = journey.run(facts)
        if (touched, rebuilt) != (expected, expected):
            wrong.append(f"{cause}: touched {touched}, rebuilt {rebuilt}, expected {expected}")
        if not {key for kind, key in sent if kind == "performance"} <= {f"{e}:2026-11-0{n}" for e, n in expected}:
            wrong.append(f"{cause}: sent {sent}")
    assert wrong == []
    with rehearse(journey.engine, since=date(2026, 11, 1), until=date(2026, 12, 1)) as (connection, days):
        assert days == 10, "those published, and the one after leaving that punches belong to"
        assert list(difference.lines(connection)) == []


def test_a_correction_goes_to_the_crm_alone_and_history_keeps_what_was_believed(journey: Journey) -> None:
    before = rows_of(journey.engine, "select status from mart.attendance_day where employee_id = '002' and work_date = "
                     "'2026-11-03'")  # fmt: skip
    _, _, sent = journey.run([punch("u22026-11-03in", "u2", "2026-11-03 10:00", "in")])
    assert sent == {("performance", "002:2026-11-03")}
    assert journey.crm.records["performance", "002:2026-11-03"]["status"] == "late"
    assert before == [("present",)]
    assert rows_of(
        journey.engine,
        "select a.status, h.status from mart.attendance_day as a join mart.attendance_day_history as h "
        "using (employee_id, work_date) where employee_id = '002' and h.believed_until = a.published_at",
    ) == [("late", "present")]
