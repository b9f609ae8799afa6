"""replay: what is good goes through, what is still bad comes back, and newer facts are never overwritten."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.errors import ConfigError
from fieldwork.quality.choice import OPEN, Choice
from fieldwork.quality.mend import act, mend
from fieldwork.settings import Settings
from fieldwork.steps.replay import choose, replay
from fieldwork.streams import STREAMS

from .rows import at, loaded, rows_of, set_aside

ANN = {"user_id": "u1", "employee_no": "001", "name": "Ann"}
PUNCH = {"record_id": "1", "user_id": "u1", "punched_at": at("2026-11-02 09:00"), "kind": "sideways"}
LEAVE = {
    "approval_id": "l1", "user_id": "u1", "kind": "leave",
    "start_at": at("2026-11-03 09:00"), "end_at": at("2026-11-03 08:00"),
}  # fmt: skip
VISIT = {
    "visit_id": "v1", "owner_id": "005A", "account_id": "a1", "planned_start": at("2026-11-02 10:00"),
    "planned_end": at("2026-11-02 11:00"), "status": "planned", "modified_at": at("2026-11-01 08:00"),
}  # fmt: skip
LINES = "select key, rule, status from ops.quarantine order by key, batch_id"
BATCH = "select stream, kind, state, extracted, loaded, unchanged, quarantined, out_of_scope from ops.batch"


@pytest.fixture(autouse=True)
def people(warehouse: Engine) -> None:
    """u1 and 005A are the person 001."""
    with warehouse.begin() as connection:
        for system, who in (("dingtalk", "u1"), ("salesforce", "005A")):
            link = "insert into ref.identity values (:system, :who, '2020-01-01', null, '001', 'file', now())"
            connection.execute(sa.text(link), {"system": system, "who": who})


def _mend(engine: Engine, **changes: Mapping[str, Any]) -> None:
    """Mend rows by key (``_1`` for the key 1)."""
    with engine.begin() as connection:
        numbers = dict(connection.execute(sa.text("select key, quarantine_id from ops.quarantine")).tuples().all())
        act(connection, "ann")
        mend(connection, {numbers[key.lstrip("_")]: cells for key, cells in changes.items()})


def _again(
    engine: Engine, settings: Settings, choice: Choice | None = None, *, dry_run: bool = False
) -> dict[str, Any]:
    choose(engine, settings, run_id="again", choice=choice or Choice(), who="ann", dry_run=dry_run)
    return replay(engine, settings, run_id="again", who="ann")


def test_mended_rows_go_through_and_the_others_stay(warehouse: Engine, settings: Settings) -> None:
    set_aside(warehouse, settings, "bad", "dingtalk", "kind_known", punches=[PUNCH, PUNCH | {"record_id": "2"}])
    _mend(warehouse, _1={"kind": "in"})
    found = _again(warehouse, settings)
    assert (found["still_bad"], found["person_days"]) == ({}, 1)
    assert rows_of(warehouse, LINES) == [("1", "punches.kind_known", "replayed"), ("2", "punches.kind_known", "new")]
    assert rows_of(warehouse, "select employee_id, record_id, kind from core.punch") == [("001", "1", "in")]
    assert rows_of(warehouse, f"{BATCH} where run_id = 'again'") == [("punches", "replay", "closed", 1, 1, 0, 0, 0)]
    assert rows_of(warehouse, "select tablename from pg_tables where schemaname = 'staging'") == []
    assert rows_of(warehouse, "select who, was, status, reason from ops.quarantine_event order by 1, event_id") == [
        ("ann", "new", "mended", None), ("ann", "mended", "replayed", "replayed by run again"),
    ]  # fmt: skip


def test_what_is_still_bad_comes_back_with_what_is_wrong_now(warehouse: Engine, settings: Settings) -> None:
    set_aside(warehouse, settings, "bad", "dingtalk", "kind_known", punches=[PUNCH, PUNCH | {"record_id": "2"}])
    _mend(warehouse, _1={"kind": "in", "latitude": "99"}, _2={"kind": "in", "user_id": "u9"})
    found = _again(warehouse, settings)
    assert found["still_bad"] == {"punches.latitude_in_range": 1, "punches.owner_known": 1}
    assert rows_of(warehouse, LINES) == [
        ("1", "punches.latitude_in_range", "new"), ("2", "punches.owner_known", "held"),
    ]  # fmt: skip
    assert (
        rows_of(warehouse, "select payload ->> 'kind', mended ->> 'kind' from ops.quarantine")
        == [("sideways", "in")] * 2
    )
    assert rows_of(warehouse, f"{BATCH} where run_id = 'again'") == [("punches", "replay", "closed", 2, 0, 0, 2, 0)]

    # the source gives the bad version again: what a person did and what was found then stays
    set_aside(warehouse, settings, "bad again", "dingtalk", "kind_known", punches=[PUNCH, PUNCH | {"record_id": "2"}])
    assert rows_of(warehouse, "select rule, status, seen from ops.quarantine order by key") == [
        ("punches.latitude_in_range", "new", 2), ("punches.owner_known", "held", 2),
    ]  # fmt: skip

    # the person becomes known: the held row goes through as it was mended
    loaded(warehouse, settings, "people", "dingtalk", employees=[ANN, {"user_id": "u9", "employee_no": "009"}])
    assert rows_of(warehouse, "select employee_id, record_id, kind from core.punch") == [("009", "2", "in")]


def test_a_rehearsal_tells_and_changes_nothing(warehouse: Engine, settings: Settings) -> None:
    set_aside(warehouse, settings, "bad", "dingtalk", "kind_known", punches=[PUNCH, PUNCH | {"record_id": "2"}])
    _mend(warehouse, _1={"kind": "in"}, _2={"latitude": "99"})
    before = (
        rows_of(warehouse, "select * from ops.quarantine order by 1"),
        rows_of(warehouse, "select * from ops.touched"),
    )
    found = _again(warehouse, settings, dry_run=True)
    assert (found["dry_run"], found["person_days"], found["still_bad"]) == (True, 1, {"punches.kind_known": 1})
    assert found["punches"]["loaded"] == 1
    after = (
        rows_of(warehouse, "select * from ops.quarantine order by 1"),
        rows_of(warehouse, "select * from ops.touched"),
    )
    assert after == before
    assert rows_of(warehouse, "select * from core.punch") == []
    assert rows_of(warehouse, "select tablename from pg_tables where schemaname = 'staging'") == []
    assert rows_of(warehouse, "select state from ops.batch where kind = 'replay'") == [("abandoned",)]


def test_a_good_version_that_came_meanwhile_is_not_overwritten(warehouse: Engine, settings: Settings) -> None:
    """It settles the row at once; and were the row made to wait again, a replay would leave the newer facts alone."""
    later = VISIT | {"modified_at": at("2026-11-02 08:00"), "planned_start": at("2026-11-05 10:00"),
                     "planned_end": at("2026-11-05 11:00")}  # fmt: skip
    loaded(warehouse, settings, "accounts", "salesforce", accounts=[{"account_id": "a1"}])
    set_aside(warehouse, settings, "bad", "salesforce", "status_known", visits=[VISIT | {"status": "asleep"}])
    set_aside(warehouse, settings, "bad leave", "dingtalk", "end_after_start", leave=[LEAVE])
    _mend(warehouse, v1={"status": "done"}, l1={"end_at": "2026-11-03T18:00:00+08:00"})
    loaded(warehouse, settings, "good", "salesforce", visits=[later])
    loaded(warehouse, settings, "good leave", "dingtalk", leave=[LEAVE | {"end_at": at("2026-11-03 12:00")}])
    assert [row[2] for row in rows_of(warehouse, LINES)] == ["superseded", "superseded"]
    with warehouse.begin() as connection:
        connection.execute(sa.text("update ops.quarantine set status = 'mended', settled_at = null"))
    found = _again(warehouse, settings)
    assert [found[name]["unchanged"] for name in ("visits", "leave")] == [1, 1]
    assert [row[2] for row in rows_of(warehouse, LINES)] == ["superseded", "superseded"]
    assert rows_of(warehouse, "select status, planned_start from core.visit") == [("planned", at("2026-11-05 10:00"))]
    assert rows_of(warehouse, "select end_at from core.leave") == [(at("2026-11-03 12:00"),)]
    assert found["person_days"] == 0


def test_of_two_versions_in_quarantine_the_later_one_counts(warehouse: Engine, settings: Settings) -> None:
    set_aside(warehouse, settings, "one", "dingtalk", "kind_known", punches=[PUNCH])
    _mend(warehouse, _1={"kind": "in"})
    set_aside(warehouse, settings, "two", "dingtalk", "kind_known", punches=[PUNCH | {"kind": "askew"}])
    assert _again(warehouse, settings)["punches"]["unchanged"] == 1
    assert [row[2] for row in rows_of(warehouse, LINES)] == ["superseded", "new"]
    assert rows_of(warehouse, "select * from core.punch") == []


def test_a_row_that_was_changed_after_it_was_chosen_is_left_to_the_next_replay(
    warehouse: Engine, settings: Settings
) -> None:
    rows = [PUNCH | {"record_id": str(n)} for n in (1, 2, 3)]
    set_aside(warehouse, settings, "bad", "dingtalk", "kind_known", punches=rows)
    _mend(warehouse, **{f"_{n}": {"kind": "in"} for n in (1, 2, 3)})
    choose(warehouse, settings, run_id="again", choice=Choice(), who="ann")
    _mend(warehouse, _1={"kind": "out"})
    with warehouse.begin() as connection:
        connection.execute(sa.text("update ops.quarantine set status = 'dismissed' where key = '2'"))
    replay(warehouse, settings, run_id="again", who="ann")
    assert [row[2] for row in rows_of(warehouse, LINES)] == ["mended", "dismissed", "replayed"]
    assert rows_of(warehouse, "select record_id, kind from core.punch") == [("3", "in")]


def test_people_first_so_that_what_waits_for_them_goes_through_at_once(warehouse: Engine, settings: Settings) -> None:
    others = [{"user_id": f"u{n}", "employee_no": f"00{n}"} for n in (1, 2)]
    bad = {"user_id": "u3", "employee_no": "x" * 256}
    set_aside(warehouse, settings, "bad", "dingtalk", "number_length", employees=[bad])
    loaded(warehouse, settings, "people", "dingtalk", employees=others)
    punch = PUNCH | {"user_id": "u3", "kind": "in"}
    set_aside(warehouse, settings, "waits", "dingtalk", "owner_known", held=True, punches=[punch])
    assert [row[2] for row in rows_of(warehouse, LINES)] == ["held", "new"]
    _mend(warehouse, u3={"employee_no": "003"})
    found = _again(warehouse, settings)
    assert found["employees"]["loaded"] == 1
    assert rows_of(warehouse, "select employee_id from core.punch") == [("003",)]
    assert rows_of(warehouse, "select employee_id from core.employee where missing_since is not null") == []


@pytest.mark.parametrize("stream", ["visits", "tasks", "opportunities"])
def test_a_row_held_for_its_customer_waits_for_the_customer(
    warehouse: Engine, settings: Settings, stream: str, tmp_path: Path
) -> None:
    """Where the suite says so: as shipped that of visits, here those of tasks and opportunities too."""
    own = shutil.copytree(settings.expectations, tmp_path / "suites")
    suite = json.loads((own / f"{stream}.json").read_text(encoding="utf-8"))
    for rule in suite["expectations"]:
        if rule["meta"]["rule"] == f"{stream}.account_known":
            rule |= {"severity": "critical", "meta": rule["meta"] | {"held": True}}
    (own / f"{stream}.json").write_text(json.dumps(suite), encoding="utf-8")
    settings = replace(settings, expectations=own)
    row = dict.fromkeys(STREAMS[stream].columns) | {
        STREAMS[stream].key: "k", "owner_id": "005A", "account_id": "a9", "status": "open", "stage": "s",
    }  # fmt: skip
    with warehouse.begin() as connection:
        connection.execute(
            sa.text(
                "insert into ops.quarantine (batch_id, system, stream, key, payload, rule, reason, status, fingerprint,"
                " set_aside_at) values (1, 'salesforce', :stream, 'k', cast(:row as jsonb), 'r', '', 'held', '', now())"
            ),
            {"stream": stream, "row": json.dumps(row)},
        )
    loaded(warehouse, settings, "another", "salesforce", accounts=[{"account_id": "a1"}])
    assert rows_of(warehouse, LINES) == [("k", "r", "held")]
    loaded(warehouse, settings, "customer", "salesforce", accounts=[{"account_id": "a9"}])
    assert rows_of(warehouse, LINES) == [("k", "r", "replayed")]


@pytest.mark.parametrize("stream", ["tasks", "opportunities"])
def test_a_row_whose_unknown_customer_is_only_warned_of_goes_through(
    warehouse: Engine, settings: Settings, stream: str
) -> None:
    """As it would have, had its owner been known from the start."""
    row = {STREAMS[stream].key: "k", "owner_id": "005B", "account_id": "a9"}
    row |= {"status": "open"} if stream == "tasks" else {}
    loaded(warehouse, settings, "waits", "salesforce", **{stream: [row]})
    assert rows_of(warehouse, LINES) == [("k", f"{stream}.person_known", "held")]
    loaded(warehouse, settings, "owner", "salesforce", crm_users=[{"crm_user_id": "005B", "employee_no": "001"}])
    assert rows_of(warehouse, LINES) == [("k", f"{stream}.person_known", "held")]
    loaded(warehouse, settings, "people", "dingtalk", employees=[ANN])
    assert rows_of(warehouse, LINES) == [("k", f"{stream}.person_known", "replayed")]


def test_only_open_rows_can_be_named(warehouse: Engine, settings: Settings) -> None:
    set_aside(warehouse, settings, "bad", "dingtalk", "kind_known", punches=[PUNCH])
    with warehouse.begin() as connection:
        connection.execute(sa.text("update ops.quarantine set status = 'dismissed'"))
    with pytest.raises(ConfigError, match="Row 1 is dismissed"):
        choose(warehouse, settings, run_id="again", choice=Choice.of(ids=[1]), who="ann")
    with pytest.raises(ConfigError, match="no quarantined row 7"):
        choose(warehouse, settings, run_id="again", choice=Choice.of(ids=[7]), who="ann")
    assert choose(warehouse, settings, run_id="none", choice=Choice.of(statuses=OPEN), who="ann")["rows"] == 0
    with pytest.raises(ConfigError, match="Run bad is no replay"):
        replay(warehouse, settings, run_id="bad", who="ann")
