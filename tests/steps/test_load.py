"""load: whose each row is, what changed, what it touched, and that the counts add up."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.errors import CountMismatch, Fenced, StagingLost
from fieldwork.settings import Settings, merge
from fieldwork.steps.load import load

from .rows import at, loaded, planned, rows_of, staged

ANN = {"user_id": "u1", "employee_no": "001", "email": "Ann@example.com", "mobile": "+86 19900000001"}
BOB = {"user_id": "u2", "employee_no": None, "email": "bob@example.com", "mobile": "19900000002"}
CRM = [
    {"crm_user_id": "005A", "employee_no": "001"},
    {"crm_user_id": "005B", "email": " BOB@example.com"},
]
PUNCH = {"record_id": "1", "user_id": "u1", "punched_at": at("2026-11-02 09:00"), "kind": "in"}
VISIT = {
    "visit_id": "v1", "owner_id": "005A", "planned_start": at("2026-11-02 10:00"),
    "planned_end": at("2026-11-02 11:00"), "status": "planned", "modified_at": at("2026-11-01 08:00"),
    "deleted": False,
}  # fmt: skip


@pytest.fixture
def people(warehouse: Engine, settings: Settings) -> None:
    loaded(warehouse, settings, "people", "dingtalk", employees=[ANN, BOB])
    loaded(warehouse, settings, "users", "salesforce", crm_users=CRM)


def _touched(engine: Engine) -> list[tuple[Any, ...]]:
    return rows_of(engine, "select employee_id, work_date from ops.touched order by 1, 2")


def _forget_touched(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("delete from ops.touched"))


def test_people_get_ids_and_crm_users_are_linked_by_trust(warehouse: Engine, people: None) -> None:
    assert rows_of(warehouse, "select external_id, employee_id, rule from ref.identity order by 1") == [
        ("005A", "001", "employee_no"),
        ("005B", "dingtalk:u2", "email"),
        ("u1", "001", "source"),
        ("u2", "dingtalk:u2", "source"),
    ]
    assert rows_of(warehouse, "select employee_id from core.crm_user order by 1") == [("001",), ("dingtalk:u2",)]


def test_a_number_taken_over_does_not_merge_two_people(warehouse: Engine, settings: Settings, people: None) -> None:
    heir = {"user_id": "u9", "employee_no": "001"}
    loaded(warehouse, settings, "later", "dingtalk", employees=[ANN, BOB, heir])
    assert rows_of(warehouse, "select employee_id from core.employee order by 1") == [
        ("001",), ("dingtalk:u2",), ("dingtalk:u9",),
    ]  # fmt: skip


def test_a_person_missing_from_a_full_read_is_noted_and_may_come_back(
    warehouse: Engine, settings: Settings, people: None
) -> None:
    missing = "select user_id from core.employee where missing_since is not null"
    loaded(warehouse, settings, "without", "dingtalk", employees=[ANN])
    assert rows_of(warehouse, missing) == [("u2",)]
    loaded(warehouse, settings, "with", "dingtalk", employees=[ANN, BOB])
    assert rows_of(warehouse, missing) == []


def test_the_same_rows_again_change_and_touch_nothing(warehouse: Engine, settings: Settings, people: None) -> None:
    first = loaded(warehouse, settings, "one", "dingtalk", punches=[PUNCH])
    assert first["punches"]["loaded"] == 1
    assert _touched(warehouse) == [("001", date(2026, 11, 2))]
    _forget_touched(warehouse)
    second = loaded(warehouse, settings, "two", "dingtalk", punches=[{**PUNCH, "modified_at": at("2026-11-03 09:00")}])
    assert second["punches"] == {
        "extracted": 1, "loaded": 0, "unchanged": 1, "quarantined": 0, "duplicate": 0, "out_of_scope": 0, "touched": 0,
    }  # fmt: skip
    assert _touched(warehouse) == []


def test_copies_in_one_batch_are_duplicates_and_the_latest_counts(
    warehouse: Engine, settings: Settings, people: None
) -> None:
    later = {**VISIT, "status": "done", "modified_at": at("2026-11-02 12:00")}
    counts = loaded(warehouse, settings, "one", "salesforce", visits=[later, VISIT, later])["visits"]
    assert (counts["extracted"], counts["loaded"], counts["duplicate"]) == (3, 1, 2)
    assert rows_of(warehouse, "select status from core.visit") == [("done",)]


def test_an_older_version_does_not_come_back(warehouse: Engine, settings: Settings, people: None) -> None:
    loaded(warehouse, settings, "one", "salesforce", visits=[{**VISIT, "status": "done"}])
    older = {**VISIT, "modified_at": at("2026-10-30 08:00")}
    assert loaded(warehouse, settings, "two", "salesforce", visits=[older])["visits"]["unchanged"] == 1
    assert rows_of(warehouse, "select status from core.visit") == [("done",)]


def test_a_moved_visit_touches_both_days(warehouse: Engine, settings: Settings, people: None) -> None:
    loaded(warehouse, settings, "one", "salesforce", visits=[VISIT])
    _forget_touched(warehouse)
    moved = {**VISIT, "planned_start": at("2026-11-05 10:00"), "modified_at": at("2026-11-02 08:00")}
    loaded(warehouse, settings, "two", "salesforce", visits=[moved])
    assert _touched(warehouse) == [("001", date(2026, 11, 2)), ("001", date(2026, 11, 5))]


def test_a_visit_that_changes_hands_leaves_its_old_owner(warehouse: Engine, settings: Settings, people: None) -> None:
    loaded(warehouse, settings, "one", "salesforce", visits=[VISIT])
    _forget_touched(warehouse)
    loaded(
        warehouse, settings, "two", "salesforce",
        visits=[{**VISIT, "owner_id": "005B", "modified_at": at("2026-11-02 08:00")}],
    )  # fmt: skip
    assert rows_of(warehouse, "select employee_id, visit_id from core.visit") == [("dingtalk:u2", "v1")]
    assert _touched(warehouse) == [("001", date(2026, 11, 2)), ("dingtalk:u2", date(2026, 11, 2))]


def test_a_deleted_visit_stays_as_deleted_and_touches_its_day(
    warehouse: Engine, settings: Settings, people: None
) -> None:
    loaded(warehouse, settings, "one", "salesforce", visits=[VISIT])
    _forget_touched(warehouse)
    gone = {**VISIT, "deleted": True, "modified_at": at("2026-11-02 08:00")}
    loaded(warehouse, settings, "two", "salesforce", visits=[gone])
    assert rows_of(warehouse, "select deleted from core.visit") == [(True,)]
    assert _touched(warehouse) == [("001", date(2026, 11, 2))]


def test_coordinates_are_kept_apart_from_punches(warehouse: Engine, settings: Settings, people: None) -> None:
    field = {**PUNCH, "kind": "field", "latitude": 31.2, "longitude": 121.5, "accuracy_m": 30.0, "place": "somewhere"}
    loaded(warehouse, settings, "one", "dingtalk", punches=[field])
    assert rows_of(warehouse, "select latitude, longitude, accuracy_m from place.punch_place") == [(31.2, 121.5, 30.0)]
    loaded(warehouse, settings, "two", "dingtalk", punches=[{**field, "accuracy_m": 40.0}])
    assert rows_of(warehouse, "select accuracy_m from place.punch_place") == [(40.0,)]


def test_rows_of_an_unknown_person_wait_and_go_through_once_linked(
    warehouse: Engine, settings: Settings, people: None
) -> None:
    stranger = {**VISIT, "visit_id": "v2", "owner_id": "005C"}
    counts = loaded(warehouse, settings, "one", "salesforce", visits=[VISIT, stranger])["visits"]
    assert (counts["loaded"], counts["quarantined"]) == (1, 1)
    held = "select key, rule, status from ops.quarantine"
    assert rows_of(warehouse, held) == [("v2", "visits.person_known", "held")]

    result = loaded(
        warehouse, settings, "two", "salesforce", crm_users=[*CRM, {"crm_user_id": "005C", "mobile": "199-0000-0002"}]
    )
    assert result["released"] == {"visits": 1}
    assert rows_of(warehouse, held) == [("v2", "visits.person_known", "replayed")]
    assert rows_of(warehouse, "select employee_id, visit_id from core.visit order by 2") == [
        ("001", "v1"), ("dingtalk:u2", "v2"),
    ]  # fmt: skip


def test_a_bad_row_that_comes_again_good_settles_its_quarantined_self(
    warehouse: Engine, settings: Settings, people: None
) -> None:
    loaded(warehouse, settings, "one", "salesforce", visits=[{**VISIT, "owner_id": "005X"}])
    loaded(warehouse, settings, "two", "salesforce", visits=[VISIT])
    assert rows_of(warehouse, "select status from ops.quarantine") == [("superseded",)]


def test_every_closed_batch_adds_up(warehouse: Engine, settings: Settings, people: None) -> None:
    loaded(
        warehouse, settings, "one", "salesforce", visits=[VISIT, VISIT, {**VISIT, "visit_id": "v2", "owner_id": "?"}]
    )
    assert rows_of(
        warehouse,
        "select count(*), bool_and(extracted = loaded + unchanged + quarantined + duplicate + out_of_scope) "
        "from ops.batch where state = 'closed'",
    ) == [(3, True)]


def test_counts_that_do_not_add_up_roll_everything_back(
    warehouse: Engine, settings: Settings, people: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fieldwork.warehouse.merge import Merge, Merged

    real = Merge.apply
    monkeypatch.setattr(Merge, "apply", lambda self, c: Merged(real(self, c).loaded + 1, 0, 0, 0))
    planned(warehouse, settings, "one")
    staged(warehouse, settings, "one", "salesforce", visits=[VISIT])
    with pytest.raises(CountMismatch, match="1 rows were extracted, but loaded 2"):
        load(warehouse, settings, run_id="one")
    assert rows_of(warehouse, "select * from core.visit") == []
    assert rows_of(warehouse, "select state from ops.batch where stream = 'visits'") == [("checked",)]


@pytest.mark.parametrize("earlier", [0, 1])
@pytest.mark.parametrize(("winner", "loser"), [("two", "one"), ("one", "two")])
def test_of_two_runs_at_once_one_is_fenced_and_told_by_whom(
    warehouse: Engine, settings: Settings, people: None, winner: str, loser: str, earlier: int
) -> None:
    for n in range(earlier):  # the watermark is made, or moved
        loaded(warehouse, settings, f"earlier-{n}", "salesforce", visits=[{**VISIT, "visit_id": "earlier"}])
    for run in ("one", "two"):
        planned(warehouse, settings, run)
        staged(warehouse, settings, run, "salesforce", visits=[{**VISIT, "visit_id": run}])
    load(warehouse, settings, run_id=winner)
    with pytest.raises(Fenced, match=f"Run {winner} loaded visits"):
        load(warehouse, settings, run_id=loser)
    assert rows_of(warehouse, "select visit_id from core.visit where visit_id <> 'earlier'") == [(winner,)]


def test_staged_rows_lost_in_a_crash_are_read_again(warehouse: Engine, settings: Settings, people: None) -> None:
    planned(warehouse, settings, "one")
    staged(warehouse, settings, "one", "salesforce", visits=[VISIT])
    with warehouse.begin() as connection:
        table = connection.execute(sa.text("select 'staging.b' || max(batch_id) from ops.batch")).scalar_one()
        connection.execute(sa.text(f"truncate {table}"))
    with pytest.raises(StagingLost):
        load(warehouse, settings, run_id="one")
    staged(warehouse, settings, "one", "salesforce", visits=[VISIT])
    assert load(warehouse, settings, run_id="one")["visits"]["loaded"] == 1


def test_the_watermark_is_the_greatest_stamp_of_the_source(warehouse: Engine, settings: Settings, people: None) -> None:
    mark = "select value from ops.watermark where stream = 'visits'"
    loaded(warehouse, settings, "one", "salesforce", visits=[VISIT])
    loaded(warehouse, settings, "two", "salesforce", visits=[])
    assert rows_of(warehouse, mark) == [(at("2026-11-01 08:00"),)]


def test_what_was_opened_earlier_and_never_loaded_is_given_up(
    warehouse: Engine, settings: Settings, people: None
) -> None:
    planned(warehouse, settings, "one")
    staged(warehouse, settings, "one", "salesforce", visits=[VISIT])
    loaded(warehouse, settings, "two", "salesforce", visits=[VISIT])
    assert rows_of(warehouse, "select run_id, state from ops.batch where stream = 'visits' order by 1") == [
        ("one", "abandoned"), ("two", "closed"),
    ]  # fmt: skip
    assert rows_of(warehouse, "select tablename from pg_tables where schemaname = 'staging'") == []


def test_a_stream_that_is_not_checked_is_not_left_out_in_silence(
    warehouse: Engine, settings: Settings, people: None
) -> None:
    planned(warehouse, settings, "one")
    staged(warehouse, settings, "one", "salesforce", visits=[VISIT])
    with warehouse.begin() as connection:
        connection.execute(sa.text("update ops.batch set state = 'extracted' where stream = 'visits'"))
    with pytest.raises(StagingLost, match=r"visits .* is extracted, not checked"):
        load(warehouse, settings, run_id="one")


def test_a_night_shifts_last_out_touches_the_day_the_shift_began(
    warehouse: Engine, settings: Settings, people: None
) -> None:
    roster = [{"scope": "company", "subject": "*", "from": date(2000, 1, 1), "shift": "night"}]
    at_night = replace(settings, config=merge(settings.config, {"roster": roster}))
    morning = {**PUNCH, "kind": "out", "punched_at": at("2026-11-04 06:02")}
    loaded(warehouse, at_night, "one", "dingtalk", punches=[morning])
    assert _touched(warehouse) == [("001", date(2026, 11, 3))]
