"""Every fault on order is seen by a client as what it claims to be, and goes away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from fieldwork.errors import ConfigError
from fieldwork.sandbox.fault_kinds import KINDS
from fieldwork.sandbox.faults import STORM
from fieldwork.sandbox.running import Sandbox, start
from fieldwork.sandbox.up import serving

from .small import at, company, ms, staff, visits
from .test_dingtalk_server import caller, records
from .test_salesforce_server import DATA, Client

DAY = ("2026-11-02 00:00:00", "2026-11-03 00:00:00")


def punch(minute: int, hour: str, kind: str) -> dict[str, Any]:
    when = at(f"2026-11-02 {hour}:{minute:02d}:00")
    return {"record_id": f"{hour}{minute}", "user_id": "u0", "punched_at": when, "kind": kind}


PUNCHES = [punch(minute, "09", "in") for minute in range(5)]
CHECKINS = [punch(minute, "10", "field") for minute in range(4)]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with serving(company(employees=staff(3), punches=PUNCHES + CHECKINS, visits=visits(450))) as running:
        yield running


def raw(sandbox: Sandbox) -> requests.Response:
    """listRecord of one user and day."""
    access = requests.get(
        f"{sandbox.attendance_url}/gettoken",
        params={"appkey": sandbox.app_key, "appsecret": sandbox.app_secret},
        timeout=5,
    ).json()["access_token"]
    return requests.post(
        f"{sandbox.attendance_url}/attendance/listRecord",
        params={"access_token": access},
        json={"userIds": ["u0"], "checkDateFrom": DAY[0], "checkDateTo": DAY[1]},
        timeout=2,
    )


class TestAnswers:
    @pytest.mark.parametrize(
        ("kind", "params", "status"),
        [
            ("status", {"status": 500}, 500),
            ("status", {"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}}, None),
            ("status_401", {}, 401),
            ("status_403_limit", {}, 403),
            ("status_429", {"headers": {"Retry-After": "2"}}, 429),
            ("status_503", {}, 503),
        ],
    )
    def test_statuses(self, sandbox: Sandbox, kind: str, params: dict[str, Any], status: int | None) -> None:
        sandbox.inject("listRecord", kind, **params)
        if status is None:
            with pytest.raises(requests.ConnectionError):  # it followed the redirect to a closed port
                raw(sandbox)
        else:
            assert raw(sandbox).status_code == status
        assert raw(sandbox).status_code == 200

    def test_retry_after_is_what_the_rule_says(self, sandbox: Sandbox) -> None:
        sandbox.inject("listRecord", "status_429", headers={"Retry-After": "999999"})
        assert raw(sandbox).headers["Retry-After"] == "999999"

    def test_an_error_envelope(self, sandbox: Sandbox) -> None:
        sandbox.inject("listRecord", "errcode", code=90018)
        assert raw(sandbox).json()["errcode"] == 90018

    def test_html_and_empty_with_status_200(self, sandbox: Sandbox) -> None:
        sandbox.inject("listRecord", "html")
        sandbox.inject("listRecord", "empty", after=1)
        page, nothing = raw(sandbox), raw(sandbox)
        assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html;charset=utf-8")
        assert (nothing.status_code, nothing.content) == (200, b"")


class TestConnections:
    def test_reset(self, sandbox: Sandbox) -> None:
        sandbox.inject("listRecord", "reset")
        with pytest.raises(requests.ConnectionError):
            raw(sandbox)

    def test_timeout(self, sandbox: Sandbox) -> None:
        sandbox.inject("listRecord", "timeout", seconds=3)
        with pytest.raises(requests.Timeout):
            raw(sandbox)

    def test_truncated_under_its_length(self, sandbox: Sandbox) -> None:
        sandbox.inject("listRecord", "truncate")
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            raw(sandbox)

    def test_truncated_silently(self, sandbox: Sandbox) -> None:
        sandbox.inject("listRecord", "truncate", silently=True)
        with pytest.raises(requests.exceptions.JSONDecodeError):
            raw(sandbox).json()

    def test_slow(self, sandbox: Sandbox) -> None:
        sandbox.inject("listRecord", "slow", seconds=0.3)
        before = time.monotonic()
        assert raw(sandbox).json()["errcode"] == 0
        assert time.monotonic() - before >= 0.3

    def test_an_answer_lost_after_the_work_was_done(self, sandbox: Sandbox) -> None:
        client = Client(sandbox)
        sandbox.inject("Daily_Performance__c", "lost_answer")
        with pytest.raises(requests.ConnectionError):
            client.upsert({"External_Id__c": "1:d"})
        assert len(sandbox.records("Daily_Performance__c")) == 1
        assert client.upsert({"External_Id__c": "1:d"})[0]["created"] is False


class TestRows:
    def test_a_bad_row(self, sandbox: Sandbox) -> None:
        sandbox.inject("listRecord", "bad_row", row=1, fields={"userCheckTime": "soon"})
        rows = raw(sandbox).json()["recordresult"]
        assert [row["userCheckTime"] == "soon" for row in rows] == [False, True, False, False, False]

    def test_rows_left_out_of_a_page(self, sandbox: Sandbox) -> None:
        sandbox.inject("/query", "drop_rows", rows=2)
        page = Client(sandbox).query("SELECT Id FROM Event")
        assert (page["totalSize"], len(page["records"])) == (450, 448)

    def test_records_of_another_version(self, sandbox: Sandbox) -> None:
        changes = {"drop": ["corpId"], "rename": {"id": "recordId"}, "retype": ["userCheckTime"], "add": {"mood": 7}}
        before = raw(sandbox).json()["recordresult"]
        sandbox.inject("listRecord", "reshape", **changes)
        for old, new in zip(before, raw(sandbox).json()["recordresult"], strict=True):
            same = {name: value for name, value in old.items() if name not in ("corpId", "id")}
            assert new == same | {"recordId": old["id"], "userCheckTime": str(old["userCheckTime"]), "mood": 7}

    def test_a_description_of_another_version(self, sandbox: Sandbox) -> None:
        changes = {
            "drop": ["Subject"],
            "rename": {"OwnerId": "Owner"},
            "retype": ["StartDateTime"],
            "add": {"X__c": ""},
        }
        sandbox.inject("/describe", "reshape", **changes)
        told = Client(sandbox).ask("GET", "/services/data/v62.0/sobjects/Event/describe").json()["fields"]
        kinds = {field["name"]: field["type"] for field in told}
        assert not {"Subject", "OwnerId"} & kinds.keys()
        assert [kinds[name] for name in ("Owner", "StartDateTime", "EndDateTime", "X__c")] == [
            "reference", "string", "datetime", "string"
        ]  # fmt: skip

    def test_a_page_twice(self, sandbox: Sandbox) -> None:
        sandbox.inject("/query/", "duplicate_page")
        client = Client(sandbox)
        first = client.query("SELECT Id FROM Event", headers={"Sforce-Query-Options": "batchSize=200"})
        again = client.ask("GET", first["nextRecordsUrl"]).json()
        assert again["records"] == first["records"]
        assert client.ask("GET", again["nextRecordsUrl"]).json()["records"][0]["Id"] == "00U0200"

    def test_rows_of_a_write_that_fail(self, sandbox: Sandbox) -> None:
        sandbox.inject("composite", "row_error", code="UNABLE_TO_LOCK_ROW", rows=[0, 2])
        results = Client(sandbox).upsert(*({"External_Id__c": f"{i}:d"} for i in range(3)))
        assert [row["success"] for row in results] == [False, True, False]
        assert results[0]["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"
        assert [row["External_Id__c"] for row in sandbox.records("Daily_Performance__c")] == ["1:d"]


class TestLoops:
    def test_a_query_that_points_back_to_itself(self, sandbox: Sandbox) -> None:
        client = Client(sandbox)
        sandbox.inject("/query", "cursor_loop", times=3)
        page = client.query("SELECT Id FROM Event LIMIT 3")
        for _ in range(2):
            assert page["done"] is False
            following = client.ask("GET", page["nextRecordsUrl"]).json()
            assert following["records"] == page["records"]
            page = following

    def test_check_ins_that_never_end(self, sandbox: Sandbox) -> None:
        sandbox.inject("checkin/record/get", "cursor_loop", times=2)
        post = caller(sandbox)
        pages = [
            post(
                "/topapi/checkin/record/get", userid_list="u0", cursor=0, size=2,
                start_time=ms(DAY[0]), end_time=ms(DAY[1]),
            )["result"]
            for _ in range(2)
        ]  # fmt: skip
        assert [page["next_cursor"] for page in pages] == [0, 0]

    def test_results_that_always_have_more(self, sandbox: Sandbox) -> None:
        sandbox.inject("/attendance/list", "cursor_loop")
        answer = caller(sandbox)(
            "/attendance/list", userIdList=["u0"], offset=0, limit=50, workDateFrom=DAY[0], workDateTo=DAY[0]
        )
        assert answer["hasMore"] is True


class TestOrdering:
    def test_after_and_times_count_matching_calls(self, sandbox: Sandbox) -> None:
        post = caller(sandbox)
        sandbox.inject("listRecord", "errcode", after=1, times=2, code=-1)
        codes = [records(post, ["u0"], *DAY)["errcode"] for _ in range(4)]
        assert codes == [0, -1, -1, 0]

    def test_over_http(self, sandbox: Sandbox) -> None:
        url = sandbox.attendance_url
        rules = [{"match": "listRecord", "kind": "errcode", "code": 88}]
        assert requests.post(f"{url}/_sandbox/faults", json=rules, timeout=5).json() == {"rules": 1}
        assert raw(sandbox).json()["errcode"] == 88
        assert requests.get(f"{url}/_sandbox/calls", timeout=5).json()["/attendance/listRecord"] == 1
        requests.delete(f"{url}/_sandbox/faults", timeout=5)
        assert requests.get(f"{url}/_sandbox/calls", timeout=5).json() == {}
        assert requests.get(f"{url}/_sandbox/health", timeout=5).json()["ready"] is True
        held = requests.get(f"{sandbox.crm_url}/_sandbox/records", params={"object": "Event"}, timeout=5).json()
        assert len(held) == 450

    def test_a_kind_that_is_none(self, sandbox: Sandbox) -> None:
        with pytest.raises(ConfigError, match="no fault kind 'nonsense'"):
            sandbox.inject("x", "nonsense")
        answer = requests.post(f"{sandbox.crm_url}/_sandbox/faults", json=[{"kind": "nonsense"}], timeout=5)
        assert answer.status_code == 400

    def test_the_storm_is_made_of_known_kinds_and_passes(self) -> None:
        assert {rule["kind"] for rule in STORM} <= set(KINDS)
        running = start(company(employees=staff(1), visits=visits(3)), faults=STORM)
        try:
            client, post = Client(running), caller(running)
            for _ in range(12):
                try:
                    client.query("SELECT Id FROM Event")
                    records(post, ["u0"], *DAY)
                except requests.RequestException:
                    client = Client(running)
            client = Client(running)
            assert client.query("SELECT Id FROM Event")["totalSize"] == 3
            assert records(caller(running), ["u0"], *DAY)["errcode"] == 0
            assert client.ask("GET", f"{DATA}/limits").status_code == 200
        finally:
            running.stop()


class TestLatency:
    def test_every_answer_waits(self) -> None:
        with serving(company(employees=staff(1)), latency_ms=100) as sandbox:
            before = time.monotonic()
            raw(sandbox)
            assert time.monotonic() - before >= 0.2
