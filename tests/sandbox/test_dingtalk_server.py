"""DingTalk's sandbox over HTTP, asked by an independent client and by bare requests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest
import requests
from dingtalk.client import AppKeyClient

from fieldwork.sandbox.dingtalk_rows import PIECE, records_shelf, wire_id
from fieldwork.sandbox.running import Sandbox
from fieldwork.sandbox.up import serving

from .small import MONDAY, at, company, ms, staff, table

Post = Callable[..., dict[str, Any]]


def punch(user: str, when: str, kind: str | None = "in", **more: Any) -> dict[str, Any]:
    return {"record_id": f"{user}-{when}-{kind}", "user_id": user, "punched_at": at(when), "kind": kind, **more}


def token(sandbox: Sandbox) -> str:
    answer = requests.get(
        f"{sandbox.attendance_url}/gettoken",
        params={"appkey": sandbox.app_key, "appsecret": sandbox.app_secret},
        timeout=5,
    ).json()
    return str(answer["access_token"])


def caller(sandbox: Sandbox) -> Post:
    """Calls with one token."""
    access = token(sandbox)

    def post(path: str, **body: Any) -> dict[str, Any]:
        url = f"{sandbox.attendance_url}{path}"
        return dict(requests.post(url, params={"access_token": access}, json=body, timeout=5).json())

    return post


def records(post: Post, users: list[str], first: str, last: str) -> dict[str, Any]:
    return post("/attendance/listRecord", userIds=users, checkDateFrom=first, checkDateTo=last)


class TestIndependentClient:
    def test_reads_records_and_results(self) -> None:
        rows = [punch("u0", "2026-11-02 09:07:00", place='上海 "A" 座', device_id="d1")]
        with serving(company(employees=staff(2), punches=rows)) as sandbox:
            url = sandbox.attendance_url

            class Client(AppKeyClient):  # type: ignore[misc]
                API_BASE_URL = url

            client = Client("corp", sandbox.app_key, sandbox.app_secret)
            (record,) = client.attendance.list_record(["u0", "u1"], MONDAY, MONDAY + timedelta(days=7))
            results = client.attendance.list(MONDAY, MONDAY, ["u0"], 0, 50)
        assert record["userAddress"] == '上海 "A" 座'
        assert record["userCheckTime"] == ms("2026-11-02 09:07:00")
        assert [row["timeResult"] for row in results["recordresult"]] == ["Normal", "NotSigned"]

    def test_takes_a_new_token_when_the_old_one_is_refused(self) -> None:
        with serving(company(employees=staff(1), punches=[punch("u0", "2026-11-02 09:00:00")])) as sandbox:
            url = sandbox.attendance_url

            class Client(AppKeyClient):  # type: ignore[misc]
                API_BASE_URL = url

            client = Client("corp", sandbox.app_key, sandbox.app_secret)
            sandbox.inject("listRecord", "token_expire", after=1)
            for _ in range(2):
                assert len(client.attendance.list_record(["u0"], "2026-11-02 00:00:00", "2026-11-03 00:00:00")) == 1
            assert sandbox.calls() == {"/gettoken": 2, "/attendance/listRecord": 3}


class TestTokens:
    def test_one_token_for_both_ways_within_its_life(self) -> None:
        with serving(company()) as sandbox:
            new = requests.post(
                f"{sandbox.attendance_url}/v1.0/oauth2/accessToken",
                json={"appKey": sandbox.app_key, "appSecret": sandbox.app_secret},
                timeout=5,
            ).json()
            assert new == {"accessToken": token(sandbox), "expireIn": 7200}

    def test_wrong_credentials(self) -> None:
        with serving(company()) as sandbox:
            url = sandbox.attendance_url
            old = requests.get(f"{url}/gettoken", params={"appkey": "x", "appsecret": "y"}, timeout=5)
            new = requests.post(f"{url}/v1.0/oauth2/accessToken", json={"appKey": "x"}, timeout=5)
        assert (old.status_code, old.json()["errcode"]) == (200, 40001)
        assert (new.status_code, new.json()["code"]) == (400, "invalidClientIdOrSecret")

    @pytest.mark.parametrize(("params", "errcode"), [({}, 41001), ({"access_token": "no"}, 40014)])
    def test_calls_need_one(self, params: dict[str, str], errcode: int) -> None:
        with serving(company()) as sandbox:
            answer = requests.post(f"{sandbox.attendance_url}/attendance/listRecord", params=params, json={}, timeout=5)
        assert (answer.status_code, answer.json()["errcode"]) == (200, errcode)


class TestRecords:
    def test_a_row_says_what_the_punch_says(self) -> None:
        row = {
            "record_id": "9001", "user_id": "u0", "punched_at": at("2026-11-02 09:07:30"), "kind": "in",
            "latitude": 31.2304, "longitude": 121.4737, "accuracy_m": 35.5, "place": "外滩", "device_id": "phone",
            "work_date": MONDAY, "base_at": at("2026-11-02 09:00:00"), "modified_at": at("2026-11-02 12:00:00"),
        }  # fmt: skip
        with serving(company(employees=staff(1), punches=[row])) as sandbox:
            answer = records(caller(sandbox), ["u0"], "2026-11-02 00:00:00", "2026-11-03 00:00:00")
        (found,) = answer["recordresult"]
        latitude, longitude = found.pop("userLatitude"), found.pop("userLongitude")
        assert found == {
            "id": 9001, "userId": "u0", "corpId": "dingsandbox", "checkType": "OnDuty", "timeResult": "Late",
            "locationResult": "Normal", "sourceType": "USER", "locationMethod": "MAP",
            "userCheckTime": ms("2026-11-02 09:07:30"), "workDate": ms("2026-11-02 00:00:00"),
            "baseCheckTime": ms("2026-11-02 09:00:00"), "planCheckTime": ms("2026-11-02 09:00:00"),
            "gmtModified": ms("2026-11-02 12:00:00"), "userAccuracy": 35.5, "userAddress": "外滩",
            "deviceId": "phone",
        }  # fmt: skip
        # GCJ-02 of this point of Shanghai, from the published formula: some 215 m south and 430 m east of WGS-84
        assert (latitude, longitude) == pytest.approx((31.2284677, 121.4782233), abs=2e-5)

    def test_what_is_unknown_is_absent(self) -> None:
        with serving(company(employees=staff(1), punches=[punch("u0", "2026-11-02 09:00:00", None)])) as sandbox:
            answer = records(caller(sandbox), ["u0"], "2026-11-02 00:00:00", "2026-11-03 00:00:00")
        assert set(answer["recordresult"][0]) == {
            "id", "userId", "corpId", "userCheckTime", "timeResult", "locationResult", "sourceType",
        }  # fmt: skip

    def test_outside_china_and_missing_places_are_not_shifted(self) -> None:
        rows = [
            punch("u0", "2026-11-02 09:00:00", latitude=48.8566, longitude=2.3522),
            punch("u0", "2026-11-02 10:00:00", latitude=0.0, longitude=0.0),
            punch("u0", "2026-11-02 11:00:00", latitude=float("nan"), longitude=2.0),
        ]
        with serving(company(employees=staff(1), punches=rows)) as sandbox:
            answer = records(caller(sandbox), ["u0"], "2026-11-02 00:00:00", "2026-11-03 00:00:00")
        places = [(row.get("userLatitude"), row.get("userLongitude")) for row in answer["recordresult"]]
        assert places == [(48.8566, 2.3522), (0, 0), (None, 2)]

    def test_kinds_on_the_wire(self) -> None:
        rows = [
            punch("u0", "2026-11-02 09:00:00", "in"),
            punch("u0", "2026-11-02 10:00:00", "field", accuracy_m=20.0),
            punch("u0", "2026-11-02 15:00:00", "field", accuracy_m=20.0),
            punch("u0", "2026-11-02 16:00:00", "field"),
            punch("u0", "2026-11-02 17:00:00", "nonsense"),
            punch("u0", "2026-11-02 18:00:00", "out"),
        ]
        with serving(company(employees=staff(1), punches=rows)) as sandbox:
            post = caller(sandbox)
            answer = records(post, ["u0"], "2026-11-02 00:00:00", "2026-11-03 00:00:00")
            checkins = post(
                "/topapi/checkin/record/get", userid_list="u0", cursor=0, size=100,
                start_time=ms("2026-11-02 00:00:00"), end_time=ms("2026-11-03 00:00:00"),
            )  # fmt: skip
        assert [(row["checkType"], row["locationResult"]) for row in answer["recordresult"]] == [
            ("OnDuty", "Normal"), ("OnDuty", "Outside"), ("OffDuty", "Outside"), ("nonsense", "Normal"),
            ("OffDuty", "Normal"),
        ]  # fmt: skip
        assert [row["checkin_time"] for row in checkins["result"]["page_list"]] == [ms("2026-11-02 16:00:00")]

    def test_both_ends_of_the_window_count(self) -> None:
        rows = [punch("u0", f"2026-11-02 {hour}:00:00") for hour in ("08", "09", "10")]
        with serving(company(employees=staff(1), punches=rows)) as sandbox:
            answer = records(caller(sandbox), ["u0"], "2026-11-02 08:00:01", "2026-11-02 10:00:00")
        assert len(answer["recordresult"]) == 2

    def test_a_strange_user_has_no_rows_and_is_no_error(self) -> None:
        with serving(company(employees=staff(1))) as sandbox:
            answer = records(caller(sandbox), ["nobody"], "2026-11-02 00:00:00", "2026-11-03 00:00:00")
        assert answer == {"errcode": 0, "errmsg": "ok", "recordresult": []}

    @pytest.mark.parametrize(
        ("users", "first", "last", "errcode"),
        [
            (["u0"], "2026-11-02 00:00:00", "2026-11-09 00:00:00", 0),
            (["u0"], "2026-11-02 00:00:00", "2026-11-09 00:00:01", 41041),
            (["u0"], "2026/11/02", "2026-11-09 00:00:00", 41100),
            (["u0"] * 50, "2026-11-02 00:00:00", "2026-11-03 00:00:00", 0),
            (["u0"] * 51, "2026-11-02 00:00:00", "2026-11-03 00:00:00", 41102),
            ([], "2026-11-02 00:00:00", "2026-11-03 00:00:00", 40035),
        ],
    )
    def test_limits(self, users: list[str], first: str, last: str, errcode: int) -> None:
        with serving(company(employees=staff(1))) as sandbox:
            assert records(caller(sandbox), users, first, last)["errcode"] == errcode

    def test_ids_are_the_digits_or_a_hash_that_stays(self) -> None:
        assert wire_id("42") == 42
        assert wire_id("007") != 7  # another record than 7
        assert wire_id("P1") == wire_id("P1") != wire_id("P2")
        assert 0 <= wire_id("9" * 30) < 2**63

    def test_rows_are_whole_where_pieces_meet(self) -> None:
        count = PIECE + 10
        rows = table("punches", [punch("u0", "2026-11-02 09:00:00", record_id=str(i + 1)) for i in range(3)])
        many = pa.concat_tables([rows.slice(0, 1)] * count)
        shelf = records_shelf(many)
        text = shelf.read(shelf.between(["u0"], 0, 2**62))
        assert text.count(b'"id":1}') == count
        assert text.startswith(b"{")
        assert text.endswith(b"}")

    def test_a_punch_without_an_instant_is_served_where_its_day_is(self) -> None:
        row = {"record_id": "1", "user_id": "u0", "kind": "in", "work_date": date(2026, 11, 3)}
        with serving(company(employees=staff(1), punches=[row])) as sandbox:
            answer = records(caller(sandbox), ["u0"], "2026-11-03 00:00:00", "2026-11-04 00:00:00")
        assert [row["id"] for row in answer["recordresult"]] == [1]
        assert "userCheckTime" not in answer["recordresult"][0]


class TestResults:
    def test_a_row_a_slot_on_working_days_in_pages(self) -> None:
        with serving(company(employees=staff(2), punches=[punch("u1", "2026-11-03 18:05:00", "out")])) as sandbox:
            post = caller(sandbox)

            def page(offset: int) -> dict[str, Any]:
                return post(
                    "/attendance/list", userIdList=["u0", "u1"], offset=offset, limit=15,
                    workDateFrom="2026-11-02 10:00:00", workDateTo="2026-11-08 10:00:00",
                )  # fmt: skip

            pages = [page(0), page(15)]
        assert [answer["hasMore"] for answer in pages] == [True, False]
        rows = [row for answer in pages for row in answer["recordresult"]]
        assert len({row["id"] for row in rows}) == len(rows) == 2 * 5 * 2
        signed = [row for row in rows if row["timeResult"] != "NotSigned"]
        assert [(row["userId"], row["workDate"], row["checkType"]) for row in signed] == [
            ("u1", ms("2026-11-03 00:00:00"), "OffDuty")
        ]

    def test_more_than_fifty_rows_are_refused(self) -> None:
        with serving(company(employees=staff(1))) as sandbox:
            answer = caller(sandbox)(
                "/attendance/list", userIdList=["u0"], offset=0, limit=51,
                workDateFrom="2026-11-02 00:00:00", workDateTo="2026-11-03 00:00:00",
            )  # fmt: skip
        assert answer["errcode"] == 40035


class TestCheckins:
    def test_pages_until_no_cursor(self) -> None:
        rows = [punch(f"u{i % 3}", f"2026-11-02 10:{i:02d}:00", "field") for i in range(25)]
        with serving(company(employees=staff(3), punches=rows)) as sandbox:
            post, cursor, seen = caller(sandbox), 0, []
            while cursor is not None:
                result = post(
                    "/topapi/checkin/record/get", userid_list="u0,u2", cursor=cursor, size=5,
                    start_time=ms("2026-11-02 00:00:00"), end_time=ms("2026-11-03 00:00:00"),
                )["result"]  # fmt: skip
                seen += [(row["userid"], row["checkin_time"]) for row in result["page_list"]]
                cursor = result["next_cursor"]
        mine = {(row["user_id"], int(row["punched_at"].timestamp() * 1000)) for row in rows if row["user_id"] != "u1"}
        assert len(seen) == len(mine)
        assert set(seen) == mine

    def test_both_ends_count_and_a_full_last_page_is_the_last(self) -> None:
        rows = [punch("u0", f"2026-11-02 10:0{i}:00", "field") for i in range(4)]
        with serving(company(employees=staff(1), punches=rows)) as sandbox:
            post = caller(sandbox)
            pages = [
                post(
                    "/topapi/checkin/record/get", userid_list="u0", cursor=cursor, size=2,
                    start_time=ms("2026-11-02 10:00:00"), end_time=ms("2026-11-02 10:03:00"),
                )["result"]
                for cursor in (0, 2)
            ]  # fmt: skip
        assert [len(page["page_list"]) for page in pages] == [2, 2]
        assert [page["next_cursor"] for page in pages] == [2, None]

    @pytest.mark.parametrize(
        ("users", "days", "errcode"), [("u0", 10, 0), ("u0", 11, 40035), ("u0,u1", 1, 0), ("u0,u1", 2, 40035)]
    )
    def test_one_user_ten_days_several_one(self, users: str, days: int, errcode: int) -> None:
        start = ms("2026-11-02 00:00:00")
        with serving(company(employees=staff(2))) as sandbox:
            answer = caller(sandbox)(
                "/topapi/checkin/record/get", userid_list=users, cursor=0, size=100,
                start_time=start, end_time=start + days * 86_400_000,
            )  # fmt: skip
        assert answer["errcode"] == errcode


class TestLeave:
    ROWS = (
        {"approval_id": "A1", "user_id": "u0", "kind": "leave", "start_at": at("2026-11-02 09:00:00"),
         "end_at": at("2026-11-03 18:00:00")},
        {"approval_id": "A2", "user_id": "u1", "kind": "trip", "start_at": at("2026-11-04 00:00:00"),
         "end_at": at("2026-11-05 00:00:00")},
    )  # fmt: skip

    def test_spans_by_user_then_id_and_kind_by_day(self) -> None:
        with serving(company(employees=staff(2), leave=self.ROWS)) as sandbox:
            post = caller(sandbox)
            found = post(
                "/topapi/attendance/getleavestatus", userid_list="u0,u1,zz", offset=0, size=20,
                start_time=ms("2026-11-03 00:00:00"), end_time=ms("2026-11-04 00:00:00"),
            )["result"]  # fmt: skip
            days = [
                post("/topapi/attendance/getupdatedata", userid=user, work_date=day)["result"]["approve_list"]
                for user, day in (("u0", "2026-11-02"), ("u0", "2026-11-04"), ("u1", "2026-11-04"))
            ]
        assert found["has_more"] is False
        assert [(row["userid"], row["start_time"], row["end_time"]) for row in found["leave_status"]] == [
            ("u0", ms("2026-11-02 09:00:00"), ms("2026-11-03 18:00:00")),
            ("u1", ms("2026-11-04 00:00:00"), ms("2026-11-05 00:00:00")),
        ]
        told = [
            [(row["procInst_id"], row["tag_name"], row["begin_time"], row["biz_type"]) for row in day] for day in days
        ]
        assert told == [
            [("A1", "请假", "2026-11-02 09:00:00", 3)],
            [],
            [("A2", "出差", "2026-11-04 00:00:00", 2)],
        ]

    def test_a_day_ends_at_its_midnight(self) -> None:
        with serving(company(employees=staff(2), leave=self.ROWS)) as sandbox:
            answer = caller(sandbox)("/topapi/attendance/getupdatedata", userid="u1", work_date="2026-11-05")
        assert answer["result"]["approve_list"] == []

    def test_a_strange_user_is_refused(self) -> None:
        with serving(company(employees=staff(1))) as sandbox:
            answer = caller(sandbox)("/topapi/attendance/getupdatedata", userid="zz", work_date="2026-11-02")
        assert answer["errcode"] == 33012


class TestAddressBook:
    def test_everyone_once_with_team_and_leaving_day(self) -> None:
        people = [
            *staff(5),
            {"user_id": "gone", "name": "离职", "hired_on": date(2020, 5, 1), "left_on": date(2026, 11, 5)},
        ]
        with serving(company(employees=people)) as sandbox:
            post = caller(sandbox)
            teams = {row["dept_id"]: row["name"] for row in post("/topapi/v2/department/listsub", dept_id=1)["result"]}
            listed: dict[str, dict[str, Any]] = {}
            for department in (1, *teams):
                cursor: int | None = 0
                while cursor is not None:
                    result = post("/topapi/v2/user/list", dept_id=department, cursor=cursor, size=2)["result"]
                    listed |= {row["userid"]: row for row in result["list"]}
                    cursor = result.get("next_cursor") if result["has_more"] else None
            ids = post("/topapi/user/listid", dept_id=1)["result"]["userid_list"]
        assert sorted(teams.values()) == ["东", "西"]
        assert set(listed) == {row["user_id"] for row in people}
        assert teams[listed["u1"]["dept_id_list"][0]] == "东"
        assert ids == ["gone"]
        assert listed["gone"]["extension"] == '{"left_on":"2026-11-05"}'
        assert listed["gone"]["hired_date"] == ms("2020-05-01 00:00:00")
        assert "job_number" not in listed["gone"]
        assert "extension" not in listed["u1"]

    def test_a_department_that_is_not_there(self) -> None:
        with serving(company(employees=staff(1))) as sandbox:
            assert caller(sandbox)("/topapi/v2/user/list", dept_id=7, cursor=0, size=10)["errcode"] == 60003


class TestRate:
    def test_too_many_calls_of_an_api_are_refused_others_are_not(self) -> None:
        with serving(company(employees=staff(1)), rate=3) as sandbox:
            post = caller(sandbox)
            codes = [records(post, ["u0"], "2026-11-02 00:00:00", "2026-11-03 00:00:00")["errcode"] for _ in range(4)]
            people = [post("/topapi/v2/user/list", dept_id=1, cursor=0, size=10)["errcode"] for _ in range(5)]
        assert codes == [0, 0, 0, 90018]
        assert people == [0] * 5
