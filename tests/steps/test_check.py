"""check: bad rows move with their reason, the rest waits for load, and the whole may be repeated at any point."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.errors import BatchRuleFailed, EmptyStream, Fenced, StagingLost, SuiteUnfit
from fieldwork.quality import breaker, suites
from fieldwork.quality.acceptance import Acceptance
from fieldwork.settings import Settings
from fieldwork.steps.check import check
from fieldwork.steps.extract import extract
from fieldwork.steps.load import load

from .rows import NOW, RowSource, at, planned, rows_of

ANN = {"user_id": "u1", "employee_no": "001", "name": "Ann"}
PUNCH = {"record_id": "1", "user_id": "u1", "punched_at": at("2026-11-02 09:00"), "kind": "in"}
VISIT = {
    "visit_id": "v1", "owner_id": "005A", "account_id": "a1", "planned_start": at("2026-11-02 10:00"),
    "planned_end": at("2026-11-02 11:00"), "status": "planned", "modified_at": at("2026-11-01 08:00"),
}  # fmt: skip
QUARANTINE = "select key, rule, status, seen, reason from ops.quarantine order by key, rule"
LEDGER = "select stream, state, extracted, quarantined, out_of_scope from ops.batch order by batch_id"


def _extracted(engine: Engine, settings: Settings, run_id: str, system: str, **streams: list[dict[str, Any]]) -> str:
    planned(engine, settings, run_id)
    source = RowSource(system, **{name: [rows] for name, rows in streams.items()})
    for name in streams:
        extract(engine, settings, source, run_id=run_id, stream=name)
    return run_id


def _punches(*changes: dict[str, Any]) -> list[dict[str, Any]]:
    """Copies of the good punch with record ids 1, 2, 3 … and these changes."""
    return [{**PUNCH, "record_id": str(n), **change} for n, change in enumerate(changes, start=1)]


@pytest.fixture(autouse=True)
def ann_is_known(warehouse: Engine) -> None:
    """u1 is linked already: most tests then need no employees, and every suite costs GX a third of a second."""
    with warehouse.begin() as connection:
        connection.execute(
            sa.text("insert into ref.identity values ('dingtalk', 'u1', '2020-01-01', null, '001', 'file', now())")
        )


def test_bad_rows_move_with_rule_and_reason_and_good_rows_stay(warehouse: Engine, settings: Settings) -> None:
    rows = _punches({}, {"kind": "sideways"}, {"kind": None, "latitude": 99.0}, {"accuracy_m": -1.0})
    _extracted(warehouse, settings, "run", "dingtalk", punches=rows)
    assert check(warehouse, settings, run_id="run") == {"punches": {"checked": 4, "quarantined": 2, "warnings": 2}}
    assert rows_of(warehouse, QUARANTINE) == [
        ("2", "punches.kind_known", "new", 1, "The kind is none of the known ones"),
        ("3", "punches.kind_given", "new", 1, "The kind is missing; The latitude is out of range"),
    ]
    assert rows_of(warehouse, "select record_id from staging.b1 order by seq") == [("1",), ("4",)]
    assert rows_of(warehouse, LEDGER) == [("punches", "checked", 4, 2, 0)]
    payload = rows_of(warehouse, "select payload from ops.quarantine where key = '2'")[0][0]
    assert payload["punched_at"] == "2026-11-02T01:00:00+00:00"
    assert set(payload) == {*PUNCH, "latitude", "longitude", "accuracy_m", "place", "device_id", "work_date", "base_at",
                            "modified_at", "parse_error"}  # fmt: skip


def test_results_hold_counts_of_every_rule(warehouse: Engine, settings: Settings) -> None:
    _extracted(warehouse, settings, "run", "dingtalk", punches=_punches({}, {"kind": "sideways"}))
    check(warehouse, settings, run_id="run")
    failed = "select batch_id, rule, severity, failing, total, keys from ops.check_result where outcome = 'failed'"
    assert rows_of(warehouse, failed) == [(1, "punches.kind_known", "critical", 1, 2, ["2"])]
    rules = {name: len(suites.read(settings.expectations, name).rules) for name in ("punches", "days", "fields")}
    rules["punches"] += len(breaker.DESCRIPTIONS)
    by_dataset = "select dataset, count(*), min(length(suite_hash)) from ops.check_result group by 1 order by 1"
    assert rows_of(warehouse, by_dataset) == [(name, rules[name], 64) for name in sorted(rules)]


def test_an_unknown_owner_is_held_unless_something_else_is_wrong(warehouse: Engine, settings: Settings) -> None:
    rows = _punches({"user_id": "u9"}, {"user_id": "u9", "kind": "sideways"}, {"user_id": None})
    _extracted(warehouse, settings, "run", "dingtalk", punches=rows)
    check(warehouse, settings, run_id="run")
    assert [(key, rule, status) for key, rule, status, *_ in rows_of(warehouse, QUARANTINE)] == [
        ("1", "punches.owner_known", "held"),
        ("2", "punches.kind_known", "new"),
        ("3", "punches.owner_given", "new"),
    ]


def test_owner_and_customer_are_known_by_link_by_core_or_by_this_run(warehouse: Engine, settings: Settings) -> None:
    _extracted(warehouse, settings, "first", "dingtalk", employees=[ANN])
    check(warehouse, settings, run_id="first")
    load(warehouse, settings, run_id="first")
    with warehouse.begin() as connection:
        connection.execute(
            sa.text("insert into ref.identity values ('dingtalk', 'u2', '2020-01-01', null, '002', 'file', now())")
        )
    _extracted(warehouse, settings, "second", "dingtalk", punches=_punches({}, {"user_id": "u2"}, {"user_id": "u3"}))
    check(warehouse, settings, run_id="second")
    assert [row[:2] for row in rows_of(warehouse, QUARANTINE)] == [("3", "punches.owner_known")]

    visits = [VISIT, VISIT | {"visit_id": "v2", "account_id": "a2"}, VISIT | {"visit_id": "v3", "account_id": None},
              VISIT | {"visit_id": "v4", "account_id": "a2", "deleted": True}]  # fmt: skip
    _extracted(
        warehouse, settings, "crm", "salesforce",
        visits=visits, crm_users=[{"crm_user_id": "005A"}], accounts=[{"account_id": "a1"}],
    )  # fmt: skip
    check(warehouse, settings, run_id="crm")
    held = "select key, rule, status from ops.quarantine where stream = 'visits'"
    assert rows_of(warehouse, held) == [("v2", "visits.account_known", "held")]


def test_a_customer_of_another_system_is_unknown(warehouse: Engine, settings: Settings) -> None:
    _extracted(
        warehouse, settings, "crm", "salesforce", crm_users=[{"crm_user_id": "005A"}], accounts=[{"account_id": "a1"}]
    )
    check(warehouse, settings, run_id="crm")
    load(warehouse, settings, run_id="crm")
    _extracted(warehouse, settings, "odd", "odoo", crm_users=[{"crm_user_id": "005A"}], visits=[VISIT])
    check(warehouse, settings, run_id="odd")
    assert rows_of(warehouse, "select key, rule from ops.quarantine") == [("v1", "visits.account_known")]


def test_rows_out_of_scope_are_counted_and_not_judged(warehouse: Engine, settings: Settings) -> None:
    rows = _punches({}, {"kind": "sideways", "out_of_scope": "an invalid punch"})
    _extracted(warehouse, settings, "run", "dingtalk", punches=rows)
    check(warehouse, settings, run_id="run")
    assert rows_of(warehouse, LEDGER) == [("punches", "checked", 2, 0, 1)]
    assert rows_of(warehouse, QUARANTINE) == []
    assert load(warehouse, settings, run_id="run")["punches"]["out_of_scope"] == 1


def test_the_same_bad_row_again_is_one_line(warehouse: Engine, settings: Settings) -> None:
    rows = _punches({"kind": "sideways"}, {"kind": "sideways"})
    rows[1]["record_id"] = "1"  # the very same row twice in one batch
    for n, run_id in enumerate(("one", "two", "three"), start=1):
        _extracted(warehouse, settings, run_id, "dingtalk", punches=rows)
        assert check(warehouse, settings, run_id=run_id)["punches"]["quarantined"] == 2
        assert [row[:4] for row in rows_of(warehouse, QUARANTINE)] == [("1", "punches.kind_known", "new", n)]


def test_what_a_person_settled_stays_settled(warehouse: Engine, settings: Settings) -> None:
    wrong = {"kind": "sideways"}
    rows = _punches(wrong, wrong, wrong, wrong, {"user_id": "u9"})
    for run_id in ("one", "two"):
        _extracted(warehouse, settings, run_id, "dingtalk", punches=rows)
        check(warehouse, settings, run_id=run_id)
        if run_id == "one":
            settle = "update ops.quarantine set status = :was, settled_at = now() where key = :key"
            was = {"1": "dismissed", "2": "replayed", "3": "superseded", "5": "replayed"}
            with warehouse.begin() as connection:
                connection.execute(sa.text(settle), [{"key": key, "was": status} for key, status in was.items()])
    assert rows_of(warehouse, "select key, status, settled_at is null, seen from ops.quarantine order by key") == [
        ("1", "dismissed", False, 2),
        ("2", "replayed", False, 2),  # mended by a person: the source still gives the bad version
        ("3", "new", True, 2),  # good in between, bad again
        ("4", "new", True, 2),
        ("5", "held", True, 2),  # its owner is unknown again
    ]


def test_many_bad_rows_move_at_once(warehouse: Engine, settings: Settings) -> None:
    _extracted(warehouse, settings, "run", "dingtalk", punches=_punches({}))
    with warehouse.begin() as connection:
        connection.execute(
            sa.text(
                "insert into staging.b1 (record_id, user_id, punched_at, kind) select 'x' || n, 'u1', now(), 'sideways'"
                " from generate_series(1, 50000) as n"
            )
        )
        connection.execute(sa.text("update ops.batch set extracted = 50001 where batch_id = 1"))
    accepted = Acceptance(frozenset(["punches.bad_share"]), by="tester", why="they are meant to move")
    assert check(warehouse, settings, run_id="run", accepted=accepted)["punches"]["quarantined"] == 50_000
    assert rows_of(warehouse, "select count(*) from ops.quarantine") == [(50_000,)]
    assert rows_of(warehouse, "select record_id from staging.b1") == [("1",)]


# --- rules about the whole batch
CREW = [ANN, *({"user_id": f"crew{n}"} for n in range(9))]


def test_no_punches_where_people_should_work_is_an_error_with_a_name(warehouse: Engine, settings: Settings) -> None:
    people = [*CREW, {"user_id": "gone", "left_on": date(2026, 11, 1)}]  # ten people, five days
    _extracted(warehouse, settings, "run", "dingtalk", employees=people, punches=[])
    with pytest.raises(EmptyStream, match=r"dingtalk gave no punches \(2026-11-01 16:00:00 to .* batch 2\)") as empty:
        check(warehouse, settings, run_id="run")
    assert "suspicious_person_days" in empty.value.todo
    assert rows_of(warehouse, LEDGER) == [("employees", "checked", 11, 0, 0), ("punches", "extracted", 0, 0, 0)]
    failed = "select rule, failing, total from ops.check_result where outcome = 'failed' and batch_id = 2"
    assert rows_of(warehouse, failed) == [("punches.row_count", None, 0)]


def test_a_small_company_may_have_a_week_without_punches(warehouse: Engine, settings: Settings) -> None:
    _extracted(warehouse, settings, "run", "dingtalk", employees=CREW[1:], punches=[], leave=[])  # 9 x 5 days < 50
    assert check(warehouse, settings, run_id="run")["punches"]["checked"] == 0


def test_today_does_not_count_as_a_planned_day(warehouse: Engine, settings: Settings) -> None:
    planned(warehouse, settings, "run", as_of=at("2026-11-06 08:00"))  # the fifth day has only begun
    source = RowSource("dingtalk", employees=[CREW], punches=[[]])
    for stream in ("employees", "punches"):
        extract(warehouse, settings, source, run_id="run", stream=stream)
    assert check(warehouse, settings, run_id="run")["punches"]["checked"] == 0


def test_an_empty_directory_is_an_error(warehouse: Engine, settings: Settings) -> None:
    _extracted(warehouse, settings, "run", "dingtalk", employees=[])
    with pytest.raises(EmptyStream, match=r"dingtalk gave no employees \(until 2026-11-08 00:00:00 UTC, batch 1\)"):
        check(warehouse, settings, run_id="run")


def test_a_directory_that_shrank_to_less_than_half_stops_the_run(warehouse: Engine, settings: Settings) -> None:
    people = [{"user_id": f"u{n}"} for n in range(10)]
    for run_id, share in (("whole", people), ("half", people[:5])):
        _extracted(warehouse, settings, run_id, "dingtalk", employees=share)
        check(warehouse, settings, run_id=run_id)
        load(warehouse, settings, run_id=run_id)
    _extracted(warehouse, settings, "less", "dingtalk", employees=people[:2])
    with pytest.raises(BatchRuleFailed, match=r"employees.row_count failed for 2 rows .* 3 to 50000000") as refused:
        check(warehouse, settings, run_id="less")
    assert "fieldwork checks show --batch 3 --rule employees.row_count" in refused.value.todo
    assert rows_of(warehouse, "select count(*) from staging.b3") == [(2,)]
    assert rows_of(warehouse, LEDGER)[2] == ("employees", "extracted", 2, 0, 0)


def test_a_crm_read_from_the_beginning_that_gives_less_than_half_of_what_is_loaded_stops_the_run(
    warehouse: Engine, settings: Settings
) -> None:
    users = [{"crm_user_id": f"c{n}", "modified_at": at("2026-11-01 08:00")} for n in range(10)]
    _extracted(warehouse, settings, "whole", "salesforce", crm_users=users)
    check(warehouse, settings, run_id="whole")
    load(warehouse, settings, run_id="whole")
    _extracted(warehouse, settings, "changes", "salesforce", crm_users=users[:1])  # a read of changes may be small
    check(warehouse, settings, run_id="changes")
    load(warehouse, settings, run_id="changes")
    planned(warehouse, settings, "again", full=True)
    extract(warehouse, settings, RowSource("salesforce", crm_users=[users[:4]]), run_id="again", stream="crm_users")
    with pytest.raises(BatchRuleFailed, match=r"crm_users.row_count failed for 4 rows .* 5 to 50000000"):
        check(warehouse, settings, run_id="again")


def test_an_empty_stream_may_be_accepted_for_once(warehouse: Engine, settings: Settings) -> None:
    _extracted(warehouse, settings, "run", "dingtalk", employees=[])
    with pytest.raises(EmptyStream) as empty:
        check(warehouse, settings, run_id="run")
    assert "--accept employees.row_count" in empty.value.todo
    accepted = Acceptance(frozenset(["employees.row_count"]), by="ann", why="the company is closed")
    assert check(warehouse, settings, run_id="run", accepted=accepted)["employees"]["checked"] == 0
    assert rows_of(warehouse, "select rows, purpose from ops.audit_log") == [(0, "the company is closed")]


# --- what could not run, and what is repeated
def test_a_rule_that_could_not_run_moves_nothing_and_may_be_repeated(warehouse: Engine, settings: Settings) -> None:
    _extracted(warehouse, settings, "run", "dingtalk", punches=_punches({}, {"kind": "sideways"}))
    with warehouse.begin() as connection:
        connection.execute(sa.text("alter table staging.b1 rename column accuracy_m to accuracy"))
    with pytest.raises(SuiteUnfit, match=r"2 of 24 rules for punches could not run: punches.accuracy_not_neg"):
        check(warehouse, settings, run_id="run")
    odd = "select rule, failing, problem from ops.check_result where outcome = 'could_not_run' order by rule"
    no_column = "InvalidMetricAccessorDomainKwargsKeyError"
    assert rows_of(warehouse, odd) == [
        ("punches.accuracy_not_negative", None, no_column),
        ("punches.accuracy_usable", None, no_column),
    ]
    assert rows_of(warehouse, LEDGER) == [("punches", "extracted", 2, 0, 0)]
    assert rows_of(warehouse, QUARANTINE) == []
    with warehouse.begin() as connection:
        connection.execute(sa.text("alter table staging.b1 rename column accuracy to accuracy_m"))
    assert check(warehouse, settings, run_id="run")["punches"]["quarantined"] == 1
    assert rows_of(warehouse, odd) == []


def test_staged_rows_that_are_gone_are_extracted_again(warehouse: Engine, settings: Settings) -> None:
    _extracted(warehouse, settings, "run", "dingtalk", employees=[ANN])
    with warehouse.begin() as connection:
        connection.execute(sa.text("truncate staging.b1"))  # what a server crash does to an unlogged table
    for _ in range(2):  # a second attempt does not pass the missing stream over
        with pytest.raises(StagingLost):
            check(warehouse, settings, run_id="run")
        assert rows_of(warehouse, LEDGER) == [("employees", "open", 0, 0, 0)]
    extract(warehouse, settings, RowSource("dingtalk", employees=[[ANN]]), run_id="run", stream="employees")
    assert check(warehouse, settings, run_id="run")["employees"]["checked"] == 1


def test_a_batch_that_another_process_checked_meanwhile_is_left_to_it(
    warehouse: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _extracted(warehouse, settings, "run", "dingtalk", employees=[ANN])
    from fieldwork.quality import runner

    judge = runner.run

    def slow(*args: Any, **more: Any) -> Any:
        outcomes = judge(*args, **more)
        with warehouse.begin() as connection:
            connection.execute(sa.text("update ops.batch set state = 'checked'"))
        return outcomes

    monkeypatch.setattr(runner, "run", slow)
    with pytest.raises(Fenced, match="became checked while it was being checked"):
        check(warehouse, settings, run_id="run")


@pytest.mark.parametrize("point", [pytest.param("mid_check_tx:1", marks=pytest.mark.slow), "mid_check_tx:2"])
def test_a_killed_check_run_again_gives_the_same(warehouse: Engine, settings: Settings, point: str) -> None:
    rows = _punches({}, {"kind": "sideways"}, {"user_id": "u9"}, {"out_of_scope": "an invalid punch"})
    people = [ANN, {"user_id": "u" * 300}]
    _extracted(warehouse, settings, "run", "dingtalk", employees=people, punches=rows)
    program = (
        "import os; from fieldwork import failpoint, settings; from fieldwork.steps.check import check;"
        "from fieldwork.warehouse.engine import open_engine;"
        "s = settings.load(); failpoint.arm(s.failpoint); check(open_engine(s), s, run_id='run')"
    )
    env = os.environ | {
        "FIELDWORK_HOME": str(settings.home),
        "FIELDWORK_WAREHOUSE_URL": settings.warehouse_url or "",
        "FIELDWORK_FAILPOINT": point,
    }
    killed = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert check(warehouse, settings, run_id="run") == {
        "employees": {"checked": 2, "quarantined": 1, "warnings": 0},
        "punches": {"checked": 4, "quarantined": 2, "warnings": 0},
    }
    assert [row[1:4] for row in rows_of(warehouse, QUARANTINE)] == [
        ("punches.kind_known", "new", 1),
        ("punches.owner_known", "held", 1),
        ("employees.key_length", "new", 1),
    ]
    assert rows_of(warehouse, LEDGER) == [("employees", "checked", 2, 1, 0), ("punches", "checked", 4, 2, 1)]
    assert rows_of(warehouse, "select record_id from staging.b2") == [("1",)]


def test_now_is_the_runs_not_the_clocks(warehouse: Engine, settings: Settings) -> None:
    rows = _punches({"punched_at": NOW + timedelta(minutes=10)}, {"punched_at": NOW + timedelta(minutes=11)})
    _extracted(warehouse, settings, "run", "dingtalk", punches=rows)
    check(warehouse, settings, run_id="run")
    assert [row[:2] for row in rows_of(warehouse, QUARANTINE)] == [("2", "punches.time_not_future")]
