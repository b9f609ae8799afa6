"""Only what changed since the last write-back is looked at, and nothing that changed is missed."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.settings import Settings, merge
from fieldwork.steps.write_back import send_difference, write_back
from fieldwork.warehouse import published
from fieldwork.warehouse.schema import core, mart
from fieldwork.writeback import difference

from .crm import NOW, MemoryCrm, change_visit, crm_user, day, run, told, visit


def staged(engine: Engine, settings: Settings, kind: str, **more: Any) -> difference.Difference:
    """What the next run would look at; nothing is kept."""
    with engine.connect() as connection, connection.begin() as transaction:
        found = difference.stage(connection, settings, "salesforce", kind, **more)
        transaction.rollback()
    return found


def test_a_run_looks_at_what_was_published_since(warehouse: Engine, settings: Settings) -> None:
    for n in range(5):
        visit(warehouse, f"v{n}")
    crm = MemoryCrm()
    write_back(warehouse, settings, crm, run_id=run(warehouse))
    assert staged(warehouse, settings, "visit").looked_at == 0
    change_visit(warehouse, "v3")
    assert staged(warehouse, settings, "visit") == difference.Difference(1, 0, 0, 0, 0)
    change_visit(warehouse, "v3", minutes_off=1)
    assert staged(warehouse, settings, "visit") == difference.Difference(1, 1, 1, 0, 0)
    assert staged(warehouse, settings, "visit", everything=True) == difference.Difference(5, 1, 1, 0, 0)


def test_everything_can_be_looked_at_again(warehouse: Engine, settings: Settings) -> None:
    visit(warehouse, "v1")
    crm = MemoryCrm()
    write_back(warehouse, settings, crm, run_id=run(warehouse))
    with warehouse.begin() as connection:  # by hand, without a publication
        connection.execute(sa.update(mart.visit_check).values(minutes_off=5))
    assert told(send_difference(warehouse, settings, crm, run_id="r2"))["visit"] == {}
    again = send_difference(warehouse, settings, crm, run_id="r3", everything=True)
    assert told(again)["visit"] == {"sent": 1, "accepted": 1}


def test_another_crm_user_of_a_person_is_a_change_of_all_their_days(warehouse: Engine, settings: Settings) -> None:
    crm_user(warehouse, "u1")
    crm_user(warehouse, "u2", "E2")
    for n in range(3):
        day(warehouse, "E1", date(2026, 11, 3) + timedelta(days=n))
        day(warehouse, "E2", date(2026, 11, 3) + timedelta(days=n))
    day(warehouse, "E:3")
    crm = MemoryCrm()
    write_back(warehouse, settings, crm, run_id=run(warehouse))
    with warehouse.begin() as connection:
        connection.execute(sa.update(core.crm_user).where(core.crm_user.c.crm_user_id == "u1").values(active=False))
    crm_user(warehouse, "u9", "E:3")
    again = write_back(warehouse, settings, crm, run_id=run(warehouse, "r2"))
    assert told(again)["performance"] == {"sent": 4, "accepted": 4}
    users = {key: record["user"] for (kind, key), record in crm.records.items() if kind == "performance"}
    assert users == {
        **{f"E1:2026-11-0{n}": None for n in (3, 4, 5)},
        **{f"E2:2026-11-0{n}": "u2" for n in (3, 4, 5)},
        "E:3:2026-11-03": "u9",
    }
    assert told(write_back(warehouse, settings, crm, run_id=run(warehouse, "r3"))) == {"visit": {}, "performance": {}}


def test_a_field_that_moved_to_another_field_of_the_org_is_sent_there(warehouse: Engine, settings: Settings) -> None:
    visit(warehouse, "v1")
    crm = MemoryCrm()
    write_back(warehouse, settings, crm, run_id=run(warehouse))
    moved = replace(
        settings, config=merge(settings.config, {"salesforce": {"write": {"visit": {"checkin_reason": "Why__c"}}}})
    )
    crm.records["visit", "v1"]["checkin_reason"] = None  # the other field is empty
    again = write_back(warehouse, moved, crm, run_id=run(warehouse, "r2"))
    assert told(again)["visit"] == {"sent": 1, "accepted": 1}
    assert crm.tables[-1].to_pylist()[0]["checkin_reason"] == "In time and in range."
    assert "checkin_verdict" not in crm.tables[-1].column_names


def test_a_refused_row_is_tried_again_by_another_mapping(warehouse: Engine, settings: Settings) -> None:
    from fieldwork.connectors.base import RowResult

    visit(warehouse, "v1")
    crm = MemoryCrm()
    crm.answer = lambda kind, key: RowResult(key, ok=False, code="STRING_TOO_LONG")
    write_back(warehouse, settings, crm, run_id=run(warehouse))
    crm.answer = lambda kind, key: None
    assert told(send_difference(warehouse, settings, crm, run_id="r2", everything=True))["visit"] == {
        "refused_before": 1
    }
    other = replace(
        settings, config=merge(settings.config, {"salesforce": {"write": {"visit": {"checkin_reason": "Why__c"}}}})
    )
    again = send_difference(warehouse, other, crm, run_id="r3")
    assert told(again)["visit"] == {"sent": 1, "accepted": 1, "created": 1}


def test_a_publication_that_waits_for_its_turn_is_not_missed(warehouse: Engine, settings: Settings) -> None:
    """It may have been dated before the one that we look at; so the mark is not moved past it."""
    visit(warehouse, "v1")
    begun, done = threading.Event(), threading.Event()

    def publish() -> None:
        with warehouse.begin() as connection:
            connection.execute(sa.text("select pg_backend_pid()"))
            begun.set()
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(published.LOCK)))
            connection.execute(
                sa.insert(mart.visit_check).values(
                    employee_id="E2", visit_id="v2", work_date=date(2026, 11, 3), verdict="verified",
                    reason_code="too_late", reason="Late.", signals=[], rule_version="2000-1",
                    published_at=NOW - timedelta(minutes=1),
                )
            )  # fmt: skip
        done.set()

    thread = threading.Thread(target=publish)
    with warehouse.begin() as connection:
        assert published.hold_still(connection)
        thread.start()
        begun.wait(5)
        _until_somebody_waits(warehouse)
        assert not published.hold_still(connection)
        difference.stage(connection, settings, "salesforce", "visit")
        assert connection.execute(sa.text("select count(*) from ops.write_mark")).scalar_one() == 0
        assert not done.is_set(), "nothing is published while we look"
    thread.join(5)
    found = staged(warehouse, settings, "visit")
    assert found.looked_at == 2


def test_a_waiting_change_whose_visit_is_gone_is_given_up(warehouse: Engine, settings: Settings) -> None:
    visit(warehouse, "v1")
    crm = MemoryCrm()
    crm.granted = 0
    waits = write_back(warehouse, settings, crm, run_id=run(warehouse))
    assert told(waits)["visit"] == {"waiting": 1}
    with warehouse.begin() as connection:
        connection.execute(sa.delete(mart.visit_check))
    visit(warehouse, "v2", published_at=NOW + timedelta(hours=1))
    crm.granted = None
    write_back(warehouse, settings, crm, run_id=run(warehouse, "r2"))
    assert list(crm.records) == [("visit", "v2")]


def _until_somebody_waits(engine: Engine) -> None:
    waiting = sa.text("select exists (select from pg_locks where locktype = 'advisory' and not granted)")
    for _ in range(500):
        with engine.connect() as connection:
            if connection.execute(waiting).scalar_one():
                return
    raise AssertionError("nobody waits")
