"""Only the difference is sent, every row has a receipt, and nothing is lost wherever it stops."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.connectors.base import RowResult
from fieldwork.errors import AuthFailed, ConfigError, Fenced, SourceUnavailable
from fieldwork.settings import Settings, merge
from fieldwork.steps.write_back import write_back
from fieldwork.warehouse import ledger
from fieldwork.warehouse.schema import ops, write

from .crm import (
    MemoryCrm,
    change_visit,
    crm_user,
    day,
    outbox,
    receipt,
    remove_visit,
    run,
    told,
    visit,
)


def configured(settings: Settings, **tables: Any) -> Settings:
    return replace(settings, config=merge(settings.config, tables))


def test_writes_verdicts_and_days_with_typed_values(warehouse: Engine, settings: Settings) -> None:
    visit(warehouse, "v1")
    visit(warehouse, "v2", verdict="no_check_in", reason="No check-in.", checked_in_at=None, minutes_off=None)
    crm_user(warehouse, "u9")
    crm_user(warehouse, "u1")
    crm_user(warehouse, "u0", active=False)
    day(warehouse, visits_planned=2, visits_verified=1, amount_won=Decimal("1234.50"), performance_index=66.6667)
    day(warehouse, "E2")
    crm = MemoryCrm()

    done = write_back(warehouse, settings, crm, run_id=run(warehouse))

    assert told(done) == {
        "visit": {"sent": 2, "accepted": 2, "created": 2},
        "performance": {"sent": 2, "accepted": 2, "created": 2},
    }
    assert crm.records["visit", "v1"] == {
        "checkin_verdict": "verified",
        "checkin_at": datetime(2026, 11, 3, 1, 2, 3, tzinfo=UTC),
        "checkin_minutes_off": 0,
        "checkin_reason": "In time and in range.",
    }
    assert crm.records["visit", "v2"]["checkin_at"] is None
    assert crm.records["performance", "E1:2026-11-03"] == {
        "user": "u1", "work_date": date(2026, 11, 3), "status": "present", "visits_planned": 2, "visits_done": 0,
        "visits_verified": 1, "tasks_due": 0, "tasks_on_time": 0, "follow_ups": 0, "opportunities_created": 0,
        "opportunities_won": 0, "amount_won": Decimal("1234.50"), "performance_index": 66.67, "rule_version": "2000-1",
    }  # fmt: skip
    assert crm.records["performance", "E2:2026-11-03"]["user"] is None
    assert {(kind, key): state for kind, key, state, _ in outbox(warehouse)} == dict.fromkeys(crm.records, "sent")
    written = receipt(warehouse, "visit", "v1")
    assert (written["ok"], written["crm_id"], written["refused_hash"]) == (True, "id-v1", None)


def test_a_second_run_sends_nothing(warehouse: Engine, settings: Settings) -> None:
    visit(warehouse, "v1")
    day(warehouse)
    crm = MemoryCrm()
    write_back(warehouse, settings, crm, run_id=run(warehouse))
    calls = crm.calls

    done = write_back(warehouse, settings, crm, run_id=run(warehouse, "r2"))

    assert told(done) == {"visit": {}, "performance": {}}
    assert crm.calls == calls, "the CRM is not even asked"


def test_only_the_changed_record_is_sent_and_a_gone_visit_is_not(warehouse: Engine, settings: Settings) -> None:
    for visit_id in ("v1", "v2", "v3"):
        visit(warehouse, visit_id)
    crm = MemoryCrm()
    write_back(warehouse, settings, crm, run_id=run(warehouse))
    crm.writes.clear()
    change_visit(warehouse, "v2", verdict="off_schedule", minutes_off=300)
    remove_visit(warehouse, "v3")

    done = write_back(warehouse, settings, crm, run_id=run(warehouse, "r2"))

    assert crm.writes == [("visit", ["v2"])]
    assert told(done)["visit"] == {"sent": 1, "accepted": 1}


def test_a_record_that_two_rows_name_is_sent_once(warehouse: Engine, settings: Settings) -> None:
    """A visit that changed hands stands under both people until its old day is computed again."""
    visit(warehouse, "v1", "E1")
    visit(warehouse, "v1", "E2")
    crm = MemoryCrm()
    done = write_back(warehouse, settings, crm, run_id=run(warehouse))
    assert told(done)["visit"] == {"sent": 1, "accepted": 1, "created": 1}
    assert crm.writes == [("visit", ["v1"])]


def test_a_refused_row_stops_no_other_and_is_not_sent_again_until_it_changes(
    warehouse: Engine, settings: Settings
) -> None:
    for visit_id in ("v1", "v2", "v3"):
        visit(warehouse, visit_id)
    crm = MemoryCrm()
    crm.answer = lambda kind, key: RowResult(key, ok=False, code="STRING_TOO_LONG") if key == "v1" else None

    first = write_back(warehouse, settings, crm, run_id=run(warehouse))
    change_visit(warehouse, "v1")
    second = write_back(warehouse, settings, crm, run_id=run(warehouse, "r2"))
    change_visit(warehouse, "v1", reason="Shorter.")
    crm.answer = lambda kind, key: None
    third = write_back(warehouse, settings, crm, run_id=run(warehouse, "r3"))

    assert told(first)["visit"] == {"sent": 3, "accepted": 2, "created": 2, "rejected": 1}
    assert told(second)["visit"] == {"refused_before": 1}
    assert told(third)["visit"] == {"sent": 1, "accepted": 1, "created": 1}
    assert [state for *_, state, _ in outbox(warehouse)] == ["rejected", "sent", "sent", "sent"]
    written = receipt(warehouse, "visit", "v1")
    assert (written["ok"], written["code"], written["refused_hash"]) == (True, None, None)


def test_a_refusal_keeps_what_stands_in_the_crm(warehouse: Engine, settings: Settings) -> None:
    visit(warehouse, "v1")
    crm = MemoryCrm()
    write_back(warehouse, settings, crm, run_id=run(warehouse))
    before = receipt(warehouse, "visit", "v1")
    change_visit(warehouse, "v1", minutes_off=7)
    crm.answer = lambda kind, key: RowResult(key, ok=False, code="ENTITY_IS_DELETED")

    write_back(warehouse, settings, crm, run_id=run(warehouse, "r2"))
    after = receipt(warehouse, "visit", "v1")
    change_visit(warehouse, "v1", minutes_off=0)
    back = write_back(warehouse, settings, crm, run_id=run(warehouse, "r3"))

    assert (after["payload"], after["crm_id"]) == (before["payload"], before["crm_id"])
    assert (after["ok"], after["code"]) == (False, "ENTITY_IS_DELETED")
    assert after["refused_hash"] is not None
    assert told(back)["visit"] == {"unchanged": 1}, "the CRM never took the other value"


def test_a_row_that_may_pass_is_tried_again_and_then_left_for_the_next_run(
    warehouse: Engine, settings: Settings
) -> None:
    visit(warehouse, "v1")
    visit(warehouse, "v2")
    crm = MemoryCrm()
    locked = {"v1": 2, "v2": 99}

    def busy(kind: str, key: str) -> RowResult | None:
        locked[key] -= 1
        return RowResult(key, ok=False, code="UNABLE_TO_LOCK_ROW", retryable=True) if locked[key] >= 0 else None

    crm.answer = busy
    done = write_back(warehouse, settings, crm, run_id=run(warehouse))

    assert told(done)["visit"] == {"sent": 1, "accepted": 1, "created": 1, "pending": 1}
    assert outbox(warehouse) == [("visit", "v1", "sent", 3), ("visit", "v2", "pending", 4)]
    locked["v2"] = 0
    again = write_back(warehouse, settings, crm, run_id=run(warehouse, "r2"))
    assert told(again)["visit"] == {"sent": 1, "accepted": 1, "created": 1}


@pytest.mark.parametrize(("error", "calls"), [(SourceUnavailable, 4), (AuthFailed, 1)])
def test_a_call_that_fails_for_good_leaves_the_rest_for_the_next_run(
    warehouse: Engine, settings: Settings, error: type[SourceUnavailable] | type[AuthFailed], calls: int
) -> None:
    for visit_id in ("v1", "v2", "v3"):
        visit(warehouse, visit_id)
    crm = MemoryCrm()
    crm.parallel = 1

    def fail(kind: str, keys: list[str]) -> None:
        if "v3" in keys:
            raise error("No.", todo="Wait.")

    crm.before = fail
    with pytest.raises(error):
        write_back(warehouse, settings, crm, run_id=run(warehouse))
    assert [(key, state) for _, key, state, _ in outbox(warehouse)] == [
        ("v1", "sent"), ("v2", "sent"), ("v3", "sending"),
    ]  # fmt: skip
    assert len(crm.writes) == 1 + calls

    crm.before = lambda kind, keys: None
    again = write_back(warehouse, settings, crm, run_id=run(warehouse, "r2"))
    assert told(again)["visit"] == {"sent": 1, "accepted": 1, "created": 1}


def test_answers_that_do_not_fit_the_rows_are_not_taken_but_read_back(warehouse: Engine, settings: Settings) -> None:
    visit(warehouse, "v1")
    visit(warehouse, "v2")

    class Shuffled(MemoryCrm):
        def upsert(self, kind: str, rows: Any) -> Any:
            return list(reversed(super().upsert(kind, rows)))

    crm = Shuffled()
    done = write_back(warehouse, settings, crm, run_id=run(warehouse))
    assert told(done)["visit"] == {"sent": 2, "accepted": 2, "created": 2, "recovered": 2}
    assert [receipt(warehouse, "visit", key)["crm_id"] for key in ("v1", "v2")] == ["id-v1", "id-v2"]
    assert len(crm.writes) == 1


def test_a_pending_change_is_superseded_when_something_else_is_wanted(warehouse: Engine, settings: Settings) -> None:
    visit(warehouse, "v1")
    visit(warehouse, "v2")
    crm = MemoryCrm()
    crm.before = lambda kind, keys: (_ for _ in ()).throw(SourceUnavailable("503.", todo="Wait."))
    with pytest.raises(SourceUnavailable):
        write_back(warehouse, settings, crm, run_id=run(warehouse))
    change_visit(warehouse, "v1", minutes_off=9)
    remove_visit(warehouse, "v2")
    crm.before = lambda kind, keys: None

    write_back(warehouse, settings, crm, run_id=run(warehouse, "r2"))

    assert [(key, state) for _, key, state, _ in outbox(warehouse)] == [
        ("v1", "superseded"), ("v2", "superseded"), ("v1", "sent"),
    ]  # fmt: skip
    assert list(crm.records) == [("visit", "v1")]
    assert crm.records["visit", "v1"]["checkin_minutes_off"] == 9


def test_a_dry_run_counts_shows_old_and_new_and_changes_nothing(warehouse: Engine, settings: Settings) -> None:
    visit(warehouse, "v1")
    visit(warehouse, "v2")
    crm = MemoryCrm()
    write_back(warehouse, settings, crm, run_id=run(warehouse))
    crm.writes.clear()
    change_visit(warehouse, "v1", minutes_off=9, verdict="off_schedule")
    visit(warehouse, "v3", checked_in_at=None, minutes_off=None)
    before, calls = outbox(warehouse), crm.calls

    done = write_back(warehouse, settings, crm, run_id=run(warehouse, "r2", dry_run=True))

    counts = {"to_send": 0, "corrections": 0, "unchanged": 0, "refused_before": 0, "parked": 0, "stopped": None}
    assert done == {
        "dry_run": True,
        "visit": counts | {
            "to_send": 2,
            "corrections": 1,
            "sample": {
                "v1": {"checkin_minutes_off": [0, 9], "checkin_verdict": ["verified", "off_schedule"]},
                "v3": {
                    "checkin_at": [None, None], "checkin_minutes_off": [None, None],
                    "checkin_reason": [None, "In time and in range."], "checkin_verdict": [None, "verified"],
                },
            },
        },
        "performance": counts | {"sample": {}},
    }  # fmt: skip
    assert (crm.calls, outbox(warehouse)) == (calls, before)
    again = write_back(warehouse, settings, crm, run_id=run(warehouse, "r3"))
    assert told(again)["visit"] == {"sent": 2, "accepted": 2, "created": 1}, "a rehearsal moves no mark"


def test_a_field_left_out_of_the_mapping_is_not_sent_nor_compared(warehouse: Engine, settings: Settings) -> None:
    visit(warehouse, "v1")
    table = dict(settings.section("salesforce", "write", "visit"))
    del table["checkin_reason"]
    config = merge(settings.config, {})
    config["salesforce"] = dict(config["salesforce"]) | {
        "write": dict(config["salesforce"]["write"]) | {"visit": table}
    }
    fewer = replace(settings, config=config)
    crm = MemoryCrm()
    write_back(warehouse, fewer, crm, run_id=run(warehouse))
    change_visit(warehouse, "v1", reason="Said otherwise.")

    assert set(crm.records["visit", "v1"]) == {"checkin_verdict", "checkin_at", "checkin_minutes_off"}
    assert told(write_back(warehouse, fewer, crm, run_id=run(warehouse, "r2")))["visit"] == {"unchanged": 1}
    again = write_back(warehouse, settings, crm, run_id=run(warehouse, "r3"))
    assert told(again)["visit"] == {"sent": 1, "accepted": 1}, "another mapping looks at everything again"
    assert crm.records["visit", "v1"]["checkin_reason"] == "Said otherwise."


def test_a_mapping_may_name_nothing_that_must_stay(warehouse: Engine, settings: Settings) -> None:
    day(warehouse)
    bad = configured(settings, salesforce={"write": {"performance": {"late_minutes": "Late__c"}}})
    crm = MemoryCrm()
    with pytest.raises(ConfigError, match="late_minutes"):
        write_back(warehouse, bad, crm, run_id=run(warehouse))
    assert (crm.calls, outbox(warehouse)) == (0, [])


def test_the_audit_log_says_who_meant_to_send_what_and_what_was_sent(warehouse: Engine, settings: Settings) -> None:
    visit(warehouse, "v1")
    visit(warehouse, "v2")
    day(warehouse)
    crm = MemoryCrm()
    crm.answer = lambda kind, key: RowResult(key, ok=False, code="NO") if key == "v2" else None
    write_back(warehouse, settings, crm, run_id=run(warehouse))

    with warehouse.connect() as connection:
        entries = connection.execute(sa.select(ops.audit_log).order_by(ops.audit_log.c.audit_id)).mappings().all()
        who = connection.execute(sa.text("select session_user")).scalar_one()
        batches = connection.execute(sa.select(write.write_batch)).mappings().all()
    assert {entry["who"] for entry in entries} == {f"{who}, run r1"}
    assert [(e["action"], e["purpose"], e["detail"]["kind"], e["rows"]) for e in entries] == [
        ("opened a batch for salesforce", "write_back", "visit", 2),
        ("opened a batch for salesforce", "write_back", "performance", 1),
        ("wrote to salesforce", "write_back", "visit", 1),
        ("wrote to salesforce", "write_back", "performance", 1),
    ]
    assert {len(entry["detail"]["sha256"]) for entry in entries} == {64}
    assert [(b["state"], b["records"], b["result"]["accepted"], b["result"]["rejected"]) for b in batches] == [
        ("closed", 2, 1, 1), ("closed", 1, 1, 0),
    ]  # fmt: skip
    assert [b["sha256"] for b in batches] == [entry["detail"]["sha256"] for entry in entries[2:]]


def test_two_processes_do_not_write_back_at_once(warehouse: Engine, settings: Settings) -> None:
    crm = MemoryCrm()
    with ledger.held(warehouse, "write back to salesforce"), pytest.raises(Fenced):
        write_back(warehouse, settings, crm, run_id=run(warehouse))


def test_says_how_far_it_is(warehouse: Engine, settings: Settings) -> None:
    for n in range(5):
        visit(warehouse, f"v{n}")
    crm = MemoryCrm()
    crm.parallel = 1
    said: list[tuple[str, int, int | None]] = []

    def tell(label: str, done: int, total: int | None) -> None:
        said.append((label, done, total))

    write_back(warehouse, settings, crm, run_id=run(warehouse), progress=tell)
    heard = [(done, total) for label, done, total in said if label == "write back visit"]
    assert sorted(set(heard)) == [(0, 5), (2, 5), (4, 5), (5, 5)]
    assert heard == sorted(heard)
