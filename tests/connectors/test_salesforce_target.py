"""Writing to the CRM: the requests on a server that answers by hand, the effect on the sandbox."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote_plus

import pyarrow as pa
import pytest

from fieldwork.connectors.base import CHANGED, Quota, RowResult
from fieldwork.connectors.salesforce import SalesforceTarget
from fieldwork.connectors.salesforce.client import SalesforceClient
from fieldwork.connectors.salesforce.options import options
from fieldwork.errors import ApiShareUsed, BadResponse, ConfigError, CrmRejected, QuotaExhausted, SourceUnavailable
from fieldwork.sandbox.up import Sandbox
from fieldwork.writeback.fields import FIELDS

from .loopback import Answerer, Asked, Loopback, Reply, in_turn, json_reply, loopback, transport
from .sandboxed import city, company, config, salesforce_target

AT = datetime(2026, 11, 2, 1, 0, 0, 123456, tzinfo=UTC)


def _rows(kind: str, *rows: dict[str, Any]) -> pa.Table:
    types = {"key": pa.string(), **FIELDS[kind]}
    names = [name for name in types if name in rows[0]]
    return pa.Table.from_pylist(list(rows), schema=pa.schema([(name, types[name]) for name in names]))


def _day(key: str = "E1:2026-11-02", **more: Any) -> dict[str, Any]:
    return {
        "key": key, "work_date": date(2026, 11, 2), "status": "present", "visits_planned": 3,
        "amount_won": Decimal("1234567.89"), "performance_index": 0.75, **more,
    }  # fmt: skip


def _upsert(answer: Answerer, kind: str, *rows: dict[str, Any]) -> tuple[list[RowResult], Asked]:
    def org(asked: Asked) -> Reply:
        return json_reply({"access_token": "t"}) if asked.path == "/services/oauth2/token" else answer(asked)

    with loopback(org) as server:
        results = list(_target(server).upsert(kind, _rows(kind, *rows)))
    return results, server.asked[-1]


def _target(server: Loopback) -> SalesforceTarget:
    client = SalesforceClient(transport(server.url, system="Salesforce"), "id", "secret")
    return SalesforceTarget(client, options(config()))


OK = {"id": "a01", "success": True, "errors": [], "created": True}


def test_daily_records_go_by_external_id() -> None:
    results, asked = _upsert(in_turn(json_reply([OK])), "performance", _day())
    assert (asked.method, asked.path) == (
        "PATCH", "/services/data/v62.0/composite/sobjects/Daily_Performance__c/External_Id__c",
    )  # fmt: skip
    assert asked.json() == {
        "allOrNone": False,
        "records": [
            {
                "attributes": {"type": "Daily_Performance__c"}, "External_Id__c": "E1:2026-11-02",
                "Work_Date__c": "2026-11-02", "Attendance_Status__c": "present", "Visits_Planned__c": 3,
                "Amount_Won__c": 1234567.89, "Performance_Index__c": 0.75,
            }
        ],
    }  # fmt: skip
    assert results == [RowResult("E1:2026-11-02", True, created=True, crm_id="a01")]


def test_visits_go_by_id_and_unknown_values_are_cleared() -> None:
    row = {"key": "00U1", "checkin_verdict": "verified", "checkin_at": AT, "checkin_minutes_off": None}
    results, asked = _upsert(in_turn(json_reply([{"id": "00U1", "success": True, "errors": []}])), "visit", row)
    assert asked.path == "/services/data/v62.0/composite/sobjects"
    assert asked.json()["records"] == [
        {
            "attributes": {"type": "Event"}, "id": "00U1", "Checkin_Verdict__c": "verified",
            "Checkin_At__c": "2026-11-02T01:00:00.123+0000", "Checkin_Minutes_Off__c": None,
        }
    ]  # fmt: skip
    assert results == [RowResult("00U1", True, crm_id="00U1")]


def test_every_row_has_its_own_answer() -> None:
    def bad(code: str) -> dict[str, Any]:
        return {"success": False, "errors": [{"statusCode": code, "message": "why", "fields": []}]}

    answers = [OK, bad("UNABLE_TO_LOCK_ROW"), bad("STRING_TOO_LONG"), {"success": False}, None]
    results, _ = _upsert(in_turn(json_reply(answers)), "performance", *[_day(f"k{n}") for n in range(5)])
    assert [(one.key, one.ok, one.code, one.retryable) for one in results] == [
        ("k0", True, None, False), ("k1", False, "UNABLE_TO_LOCK_ROW", True), ("k2", False, "STRING_TOO_LONG", False),
        ("k3", False, "UNKNOWN", False), ("k4", False, "UNKNOWN", False),
    ]  # fmt: skip
    assert results[1].message == "why"


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (json_reply([{"errorCode": "INVALID_FIELD", "message": "x"}], 400), CrmRejected),
        (json_reply([{"errorCode": "NOT_FOUND", "message": "x"}], 404), CrmRejected),
        (json_reply([{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "x"}], 403), QuotaExhausted),
        (json_reply([]), BadResponse),
        (json_reply([OK, OK]), BadResponse),
        (json_reply({"ok": 1}), BadResponse),
    ],
)
def test_a_refused_request_has_no_results(reply: Reply, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        _upsert(in_turn(reply), "performance", _day())


def test_a_call_that_salesforce_would_refuse_is_not_made() -> None:
    for rows in ([_day(), _day()], [_day(f"k{n}") for n in range(201)], [_day(None)]):  # type: ignore[arg-type]
        with loopback(in_turn(json_reply([]))) as server, pytest.raises(ConfigError):
            _target(server).upsert("performance", _rows("performance", *rows))
        assert server.asked == []


def test_a_field_that_may_not_leave_is_refused() -> None:
    over = {"salesforce": {"write": {"visit": {"latitude": "Lat__c"}}}}
    with loopback(in_turn(json_reply([]))) as server:
        client = SalesforceClient(transport(server.url), "id", "secret")
        with pytest.raises(ConfigError, match="latitude, which may not leave"):
            SalesforceTarget(client, options(config(over))).upsert("visit", _rows("visit", {"key": "1"}))


@pytest.fixture
def sandbox() -> Any:
    with city() as running:
        yield running


def test_what_was_written_is_read_back(sandbox: Sandbox) -> None:
    target = salesforce_target(sandbox)
    days = [_day(f"E{n}:2026-11-02", visits_planned=n) for n in range(150)]
    first = target.upsert("performance", _rows("performance", *days))
    assert all(one.ok and one.created for one in first)
    again = target.upsert("performance", _rows("performance", _day("E3:2026-11-02", status="late")))
    assert [(one.ok, one.created, one.crm_id) for one in again] == [(True, False, first[3].crm_id)]
    live = target.current("performance", [f"E{n}:2026-11-02" for n in range(160)]).to_pylist()
    assert len(live) == 150 and len(sandbox.records("Daily_Performance__c")) == 150
    (third,) = [row for row in live if row["key"] == "E3:2026-11-02"]
    assert third == {
        **dict.fromkeys(("key", "write_key", *FIELDS["performance"])),
        **_day("E3:2026-11-02", visits_planned=3, status="late"),
        "crm_id": first[3].crm_id,
        "by_others": False,
    }


def test_visits_are_read_back_with_their_instants(sandbox: Sandbox) -> None:
    target = salesforce_target(sandbox)
    visits = company().tables["visits"]
    key = visits.filter(pa.compute.invert(visits["deleted"]))["visit_id"][0].as_py()
    row = {
        "key": key,
        "checkin_verdict": "verified",
        "checkin_at": AT,
        "checkin_minutes_off": 7,
        "checkin_reason": "ok",
    }
    assert [one.ok for one in target.upsert("visit", _rows("visit", row))] == [True]
    (live,) = target.current("visit", [key, "00U000000000000AAA"]).to_pylist()
    at = AT.replace(microsecond=123000)
    assert live == {**row, "checkin_at": at, "crm_id": key, "write_key": None, "by_others": False}


@pytest.mark.parametrize(("fault", "written"), [("lost_answer", 1), ("status_503", 0), ("reset", 0)])
def test_a_write_whose_answer_was_lost_is_not_repeated_but_read_back(
    fault: str, written: int, sandbox: Sandbox
) -> None:
    sandbox.inject("/composite/sobjects", fault)
    target = salesforce_target(sandbox)
    with pytest.raises(SourceUnavailable):
        target.upsert("performance", _rows("performance", _day()))
    assert target.current("performance", [_day()["key"]]).num_rows == written
    assert sandbox.calls()["/services/data/v62.0/composite/sobjects/Daily_Performance__c/External_Id__c"] == 1


def test_a_write_with_a_token_that_ended_is_done_once(sandbox: Sandbox) -> None:
    sandbox.inject("/composite/sobjects", "token_expire")
    results = salesforce_target(sandbox).upsert("performance", _rows("performance", _day()))
    assert [one.ok for one in results] == [True] and len(sandbox.records("Daily_Performance__c")) == 1


def test_only_the_changed_fields_and_the_name_of_the_write_go_out() -> None:
    rows = _rows("performance", _day(), _day("k2", status=None)).append_column(
        "write_key", pa.array(["w1", "w2"])
    ).append_column(CHANGED, pa.array([["visits_planned"], ["status", "amount_won"]]))  # fmt: skip

    def org(asked: Asked) -> Reply:
        if asked.path == "/services/oauth2/token":
            return json_reply({"access_token": "t"})
        return json_reply([OK, OK])

    with loopback(org) as server:
        _target(server).upsert("performance", rows)
    assert server.asked[-1].json()["records"] == [
        {
            "attributes": {"type": "Daily_Performance__c"}, "External_Id__c": "E1:2026-11-02",
            "Visits_Planned__c": 3, "Fieldwork_Write__c": "w1",
        },
        {
            "attributes": {"type": "Daily_Performance__c"}, "External_Id__c": "k2", "Attendance_Status__c": None,
            "Amount_Won__c": 1234567.89, "Fieldwork_Write__c": "w2",
        },
    ]  # fmt: skip


def test_live_values_say_whose_they_are(sandbox: Sandbox) -> None:
    target = salesforce_target(sandbox)
    rows = _rows("performance", _day("a"), _day("b")).append_column("write_key", pa.array(["w1", "w2"]))
    ids = [one.crm_id for one in target.upsert("performance", rows)]
    sandbox.edit("Daily_Performance__c", str(ids[1]), Attendance_Status__c="late")
    live = {row["key"]: row for row in target.current("performance", ["a", "b", "c"]).to_pylist()}
    assert {key: (row["crm_id"], row["write_key"], row["by_others"], row["status"]) for key, row in live.items()} == {
        "a": (ids[0], "w1", False, "present"),
        "b": (ids[1], "w2", True, "late"),
    }


def test_keys_are_packed_into_as_few_queries_as_fit(sandbox: Sandbox) -> None:
    target = salesforce_target(sandbox)
    short = [f"E{n:05d}:2026-11-02" for n in range(1000)]
    wide = [f"员工{n:03d}号的很长的外部编号:2026-11-02" for n in range(300)]
    assert target.page_size("performance", 17) == 400
    assert target.page_size("visit", 18) == 2000
    for keys in (short[:400], short, wide, []):
        before = target.calls
        assert target.current("performance", keys).num_rows == 0
        encoded = sum(len(quote_plus(f"'{key}'")) + 4 for key in keys)
        assert target.calls - before == -(-encoded // 14_000)


def test_records_are_deleted_once(sandbox: Sandbox) -> None:
    target = salesforce_target(sandbox)
    ids = [one.crm_id for one in target.upsert("performance", _rows("performance", _day("a"), _day("b"), _day("c")))]
    sandbox.remove(str(ids[1]))
    gone = pa.table({"key": ["a", "b", "x"], "crm_id": [ids[0], ids[1], "a01NOTHERE00000000"]})
    assert [(one.key, one.ok) for one in target.delete("performance", gone)] == [("a", True), ("b", True), ("x", True)]
    assert target.current("performance", ["a", "b", "c"]).column("key").to_pylist() == ["c"]
    (again,) = target.upsert("performance", _rows("performance", _day("a")))
    assert (again.created, again.crm_id == ids[0]) == (True, False)


def test_the_calls_that_are_left(sandbox: Sandbox) -> None:
    sandbox.salesforce.door.allowed = 1000
    target = salesforce_target(sandbox)
    assert target.quota() == Quota(1000, 999)
    assert target.calls == 1
    assert target.predict("performance", 0, 17) == 0
    assert target.predict("performance", 801, 17) == 1 + 3 + 5
    assert target.predict("performance", 20_000, 17) == 1 + 50 + 7
    assert target.predict("visit", 4001, 18) == 1 + 3 + 21


def test_no_more_calls_than_allowed(sandbox: Sandbox) -> None:
    target = salesforce_target(sandbox)
    target.preflight("visit")
    target.allow(1)
    assert target.current("performance", ["a"]).num_rows == 0
    with pytest.raises(ApiShareUsed, match="api_share"):
        target.upsert("performance", _rows("performance", _day()))
    assert sandbox.records("Daily_Performance__c") == []
    target.allow(None)
    assert target.upsert("performance", _rows("performance", _day()))[0].ok


def test_a_request_refused_whole_keeps_the_words_for_the_receipt(sandbox: Sandbox) -> None:
    sandbox.inject("/composite/sobjects", "poison", times=9, keys=["k1"], message="Illegal character \\u0001")
    with pytest.raises(CrmRejected) as raised:
        salesforce_target(sandbox).upsert("performance", _rows("performance", _day("k1"), _day("k2")))
    assert (raised.value.crm_code, raised.value.crm_message) == ("JSON_PARSER_ERROR", "Illegal character \\u0001")
    assert "Illegal" not in str(raised.value)
    assert salesforce_target(sandbox).upsert("performance", _rows("performance", _day("k2")))[0].ok


def test_a_locked_row_may_be_tried_again(sandbox: Sandbox) -> None:
    sandbox.inject("/composite/sobjects", "row_error", rows=[1])
    results = salesforce_target(sandbox).upsert("performance", _rows("performance", _day("a"), _day("b"), _day("c")))
    assert [(one.ok, one.retryable) for one in results] == [(True, False), (False, True), (True, False)]


def test_preflight_passes_on_an_org_with_the_metadata(sandbox: Sandbox) -> None:
    target = salesforce_target(sandbox)
    target.preflight("visit")
    target.preflight("performance")


@pytest.mark.parametrize(
    ("write", "words"),
    [
        ({"performance": {"object": "Nowhere__c"}}, "no object Nowhere__c"),
        ({"performance": {"status": "Mood__c"}}, "Mood__c is missing"),
        ({"performance": {"key": "Work_Date__c"}}, "Work_Date__c is no external id"),
        ({"performance": {"key": "Gone__c"}}, "Gone__c is missing"),
        ({"visit": {"checkin_reason": "IsDeleted"}}, "IsDeleted may not be written"),
        ({"visit": {"write_key": "Gone__c"}}, "Gone__c is missing"),
        ({"performance": {"amount_won": "Visits_Done__c"}}, "Visits_Done__c keeps fewer than 2 decimals"),
    ],
)
def test_preflight_names_what_is_missing(write: dict[str, Any], words: str, sandbox: Sandbox) -> None:
    target = salesforce_target(sandbox, {"salesforce": {"write": write}})
    with pytest.raises(ConfigError, match=words) as raised:
        target.preflight(next(iter(write)))
    assert "include/salesforce/" in raised.value.todo
