"""Last sent, live in the CRM, new: only our own changes go out, people's edits stay and are listed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.settings import Settings, merge
from fieldwork.steps.write_back import write_back
from fieldwork.warehouse.schema import write
from fieldwork.writeback import conflicts

from .crm import MemoryCrm, change_visit, outbox, receipt, remove_visit, run, told, visit

ME = "tester"


def again(engine: Engine, settings: Settings, crm: MemoryCrm) -> dict[str, Any]:
    """Another run; what it says of visits."""
    with engine.connect() as connection:
        count = connection.execute(sa.text("select count(*) from ops.run")).scalar_one()
    return told(write_back(engine, settings, crm, run_id=run(engine, f"r{count + 1}")))["visit"]


def listed(engine: Engine) -> list[tuple[Any, ...]]:
    """Key, field, what we sent, what stands, what we want, and the state of every conflict, oldest first."""
    c = write.conflict.c
    query = sa.select(c.key, c.field, c.sent, c.theirs, c.wanted, c.state, c.resolution).order_by(c.conflict_id)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]


@pytest.fixture
def crm(warehouse: Engine, settings: Settings) -> MemoryCrm:
    """A CRM that has one visit from us."""
    visit(warehouse, "v1")
    crm = MemoryCrm()
    assert again(warehouse, settings, crm) == {"sent": 1, "accepted": 1, "created": 1}
    return crm


def test_only_the_changed_fields_are_sent(warehouse: Engine, settings: Settings, crm: MemoryCrm) -> None:
    change_visit(warehouse, "v1", minutes_off=7)
    assert again(warehouse, settings, crm) == {"sent": 1, "accepted": 1}
    assert crm.tables[-1].drop(["changed", "write_key"]).to_pylist() == [{"key": "v1", "checkin_minutes_off": 7}]
    assert receipt(warehouse, "visit", "v1")["payload"]["checkin_verdict"] == "verified", "the receipt keeps the rest"


def test_an_edited_field_is_kept_and_listed_while_the_others_are_sent(
    warehouse: Engine, settings: Settings, crm: MemoryCrm
) -> None:
    crm.edit("visit", "v1", checkin_reason="I was there!")
    change_visit(warehouse, "v1", minutes_off=7, reason="Seven minutes late.")
    assert again(warehouse, settings, crm) == {"sent": 1, "accepted": 1, "conflicts": 1}
    assert (crm.records["visit", "v1"]["checkin_reason"], crm.records["visit", "v1"]["checkin_minutes_off"]) == (
        "I was there!", 7,
    )  # fmt: skip
    assert listed(warehouse) == [
        ("v1", "checkin_reason", "In time and in range.", "I was there!", "Seven minutes late.", "open", None)
    ]


def test_an_edit_of_a_field_that_we_do_not_change_is_kept_and_listed_too(
    warehouse: Engine, settings: Settings, crm: MemoryCrm
) -> None:
    crm.edit("visit", "v1", checkin_verdict="no_check_in")
    change_visit(warehouse, "v1", minutes_off=7)
    again(warehouse, settings, crm)
    assert crm.records["visit", "v1"]["checkin_verdict"] == "no_check_in"
    assert [row[1:4] for row in listed(warehouse)] == [("checkin_verdict", "verified", "no_check_in")]


def test_when_all_is_edited_nothing_is_sent(warehouse: Engine, settings: Settings, crm: MemoryCrm) -> None:
    crm.edit("visit", "v1", checkin_minutes_off=99)
    change_visit(warehouse, "v1", minutes_off=7)
    before = len(crm.writes)
    assert again(warehouse, settings, crm) == {"kept": 1, "conflicts": 1}
    assert again(warehouse, settings, crm) == {"kept": 1, "conflicts": 1}, "an undecided conflict is looked at again"
    assert (len(crm.writes), len(listed(warehouse)), len(outbox(warehouse))) == (before, 1, 2), "and listed once"


def test_a_conflict_is_over_when_theirs_equals_ours(warehouse: Engine, settings: Settings, crm: MemoryCrm) -> None:
    crm.edit("visit", "v1", checkin_minutes_off=99)
    change_visit(warehouse, "v1", minutes_off=7)
    again(warehouse, settings, crm)
    crm.edit("visit", "v1", checkin_minutes_off=7)
    assert again(warehouse, settings, crm) == {"same": 1}
    assert [row[5:] for row in listed(warehouse)] == [("resolved", "equal")]
    assert receipt(warehouse, "visit", "v1")["payload"]["checkin_minutes_off"] == 7
    assert again(warehouse, settings, crm) == {}


def test_a_conflict_is_over_when_they_put_back_what_we_sent(
    warehouse: Engine, settings: Settings, crm: MemoryCrm
) -> None:
    crm.edit("visit", "v1", checkin_minutes_off=99)
    change_visit(warehouse, "v1", minutes_off=7)
    again(warehouse, settings, crm)
    crm.edit("visit", "v1", checkin_minutes_off=0)
    assert again(warehouse, settings, crm) == {"sent": 1, "accepted": 1}
    assert [row[5:] for row in listed(warehouse)] == [("resolved", "reverted")]
    assert crm.records["visit", "v1"]["checkin_minutes_off"] == 7


def test_a_field_that_is_declared_ours_is_overwritten(warehouse: Engine, settings: Settings, crm: MemoryCrm) -> None:
    ours = replace(
        settings, config=merge(settings.config, {"write_back": {"ours": {"visit": ["checkin_minutes_off"]}}})
    )
    crm.edit("visit", "v1", checkin_minutes_off=99, checkin_verdict="no_check_in")
    change_visit(warehouse, "v1", minutes_off=7)
    assert again(warehouse, ours, crm) == {"sent": 1, "accepted": 1, "conflicts": 1}
    assert (crm.records["visit", "v1"]["checkin_minutes_off"], crm.records["visit", "v1"]["checkin_verdict"]) == (
        7, "no_check_in",
    )  # fmt: skip


def test_taking_ours_overwrites_what_was_seen_and_nothing_newer(
    warehouse: Engine, settings: Settings, crm: MemoryCrm
) -> None:
    crm.edit("visit", "v1", checkin_minutes_off=99)
    change_visit(warehouse, "v1", minutes_off=7)
    again(warehouse, settings, crm)
    (conflict,) = conflicts.undecided(warehouse, "salesforce")
    conflicts.take_ours(warehouse, [conflict.conflict_id], who=ME)
    crm.edit("visit", "v1", checkin_minutes_off=100)
    assert again(warehouse, settings, crm) == {"kept": 1, "conflicts": 1}, "edited once more since it was decided"
    conflicts.take_ours(warehouse, [conflict.conflict_id], who=ME)
    assert again(warehouse, settings, crm) == {"sent": 1, "accepted": 1}
    assert crm.records["visit", "v1"]["checkin_minutes_off"] == 7
    assert [row[5:] for row in listed(warehouse)] == [("resolved", "ours")]


def test_keeping_theirs_asks_no_more_until_they_edit_again(
    warehouse: Engine, settings: Settings, crm: MemoryCrm
) -> None:
    crm.edit("visit", "v1", checkin_minutes_off=99)
    change_visit(warehouse, "v1", minutes_off=7)
    again(warehouse, settings, crm)
    (conflict,) = conflicts.undecided(warehouse, "salesforce")
    conflicts.keep_theirs(warehouse, [conflict.conflict_id], who=ME)
    assert again(warehouse, settings, crm) == {}
    change_visit(warehouse, "v1", minutes_off=8, verdict="off_schedule")
    assert again(warehouse, settings, crm) == {"sent": 1, "accepted": 1, "conflicts": 1}
    assert crm.records["visit", "v1"]["checkin_minutes_off"] == 99
    assert [row[5] for row in listed(warehouse)] == ["kept"]
    crm.edit("visit", "v1", checkin_minutes_off=1)
    change_visit(warehouse, "v1", minutes_off=9)
    again(warehouse, settings, crm)
    assert [row[5] for row in listed(warehouse)] == ["open"]


def test_a_record_that_was_deleted_is_reported_and_not_made_again(
    warehouse: Engine, settings: Settings, crm: MemoryCrm
) -> None:
    crm.remove("visit", "v1")
    change_visit(warehouse, "v1", minutes_off=7)
    assert again(warehouse, settings, crm) == {"gone": 1}
    assert again(warehouse, settings, crm) == {"gone": 1}
    assert crm.records == {}
    assert [(row[0], row[1], row[5]) for row in listed(warehouse)] == [("v1", "*", "open")]
    (conflict,) = conflicts.undecided(warehouse, "salesforce")
    conflicts.take_ours(warehouse, [conflict.conflict_id], who=ME)
    assert again(warehouse, settings, crm) == {"sent": 1, "accepted": 1, "created": 1}
    assert crm.records["visit", "v1"]["checkin_verdict"] == "verified", "all of it, not the changed field alone"
    assert [row[5:] for row in listed(warehouse)] == [("resolved", "ours")]


def test_a_record_that_is_back_is_written_again(warehouse: Engine, settings: Settings, crm: MemoryCrm) -> None:
    kept = dict(crm.records["visit", "v1"])
    crm.remove("visit", "v1")
    change_visit(warehouse, "v1", minutes_off=7)
    again(warehouse, settings, crm)
    crm.records["visit", "v1"] = kept
    assert again(warehouse, settings, crm) == {"sent": 1, "accepted": 1}
    assert [row[5:] for row in listed(warehouse)] == [("resolved", "back")]


def test_a_conflict_over_a_visit_that_is_no_more_is_over(warehouse: Engine, settings: Settings, crm: MemoryCrm) -> None:
    crm.edit("visit", "v1", checkin_minutes_off=99)
    change_visit(warehouse, "v1", minutes_off=7)
    again(warehouse, settings, crm)
    remove_visit(warehouse, "v1")
    visit(warehouse, "v2")
    again(warehouse, settings, crm)
    assert [row[5:] for row in listed(warehouse)] == [("resolved", "unwanted")]
    assert conflicts.undecided(warehouse, "salesforce") == []


def test_a_record_of_unknown_origin_is_adopted_where_equal_and_not_overwritten_where_not(
    warehouse: Engine, settings: Settings
) -> None:
    """The warehouse was lost, or somebody filled the fields before us."""
    first = MemoryCrm()
    visit(warehouse, "v1")
    again(warehouse, settings, first)
    with warehouse.begin() as connection:
        connection.execute(sa.text("truncate ops.receipt, ops.outbox, ops.write_mark"))
    first.records["visit", "v1"]["checkin_reason"] = "Typed by hand."
    assert again(warehouse, settings, first) == {"kept": 1, "conflicts": 1}
    assert set(receipt(warehouse, "visit", "v1")["payload"]) == {
        "checkin_verdict", "checkin_at", "checkin_minutes_off",
    }  # fmt: skip


def test_an_empty_text_is_nothing(warehouse: Engine, settings: Settings, crm: MemoryCrm) -> None:
    change_visit(warehouse, "v1", reason="")
    again(warehouse, settings, crm)
    crm.records["visit", "v1"]["checkin_reason"] = ""
    change_visit(warehouse, "v1", minutes_off=7, reason="")
    assert again(warehouse, settings, crm) == {"sent": 1, "accepted": 1}
