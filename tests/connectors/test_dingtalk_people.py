"""The walk over departments and the approvals of a day, on a server that answers by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fieldwork.connectors.dingtalk.client import DingTalkClient
from fieldwork.connectors.dingtalk.cut import Group, Piece
from fieldwork.connectors.dingtalk.leave import read_leave
from fieldwork.connectors.dingtalk.options import Options
from fieldwork.connectors.dingtalk.people import Directory
from fieldwork.errors import BadResponse, CursorLoop

from .loopback import Asked, Reply, json_reply, loopback, transport

OPTIONS = Options(ZoneInfo("Asia/Shanghai"))
MIDNIGHT = datetime(2026, 11, 1, 16, tzinfo=UTC)


def _people(
    below: Mapping[int, list[dict[str, Any]]], members: Mapping[int, list[dict[str, Any]]], options: Options = OPTIONS
) -> tuple[list[dict[str, Any]], list[str]]:
    def answer(asked: Asked) -> Reply:
        if asked.path == "/gettoken":
            return json_reply({"errcode": 0, "access_token": "t", "expires_in": 7200})
        body = asked.json()
        if asked.path.endswith("listsub"):
            return json_reply({"errcode": 0, "result": below.get(body["dept_id"], [])})
        first, last = body["cursor"], body["cursor"] + body["size"]
        everybody = members.get(body["dept_id"], [])
        result: dict[str, Any] = {"has_more": last < len(everybody), "list": everybody[first:last]}
        if result["has_more"]:
            result["next_cursor"] = last
        return json_reply({"errcode": 0, "result": result})

    with loopback(answer) as server:
        directory = Directory(DingTalkClient(transport(server.url), "key", "secret"), options)
        return directory.employees().to_pylist(), directory.user_ids()


def _department(number: int, name: str = "") -> dict[str, Any]:
    return {"dept_id": number, "name": name or f"部门{number}", "parent_id": 1}


def test_everybody_once_in_the_narrowest_department() -> None:
    below = {1: [_department(20), _department(30)], 20: [_department(21, "华东一组")]}
    members = {
        1: [{"userid": "boss", "name": "老板"}, {"userid": "anna"}],
        20: [{"userid": "anna"}],
        21: [{"userid": "anna", "job_number": "001"}],
        30: [{"userid": "anna"}, {"userid": "bao"}],
    }
    rows, ids = _people(below, members)
    assert [(row["user_id"], row["team"], row["employee_no"]) for row in rows] == [
        ("anna", "华东一组", "001"), ("bao", "部门30", None), ("boss", None, None),
    ]  # fmt: skip
    assert ids == ["anna", "bao", "boss"]


def test_a_whole_person() -> None:
    person = {
        "userid": "u1", "name": "王芳", "job_number": "0017", "mobile": "+86-13800138000", "email": "",
        "org_email": "Wang@Example.com", "hired_date": 1793548800000, "manager_userid": "u0",
        "extension": '{"left_on":"2026-11-05"}',
    }  # fmt: skip
    rows, _ = _people({}, {1: [person]})
    assert rows == [
        {
            "user_id": "u1", "employee_no": "0017", "name": "王芳", "team": None, "manager_user_id": "u0",
            "mobile": "8613800138000", "email": "wang@example.com", "hired_on": date(2026, 11, 2),
            "left_on": date(2026, 11, 5), "parse_error": None, "out_of_scope": None,
        }
    ]  # fmt: skip


def test_members_beyond_a_page_are_read() -> None:
    rows, _ = _people({}, {1: [{"userid": f"u{n:03d}"} for n in range(250)]})
    assert len(rows) == 250


def test_a_department_below_itself_is_walked_once() -> None:
    rows, _ = _people({1: [_department(20)], 20: [_department(1), _department(20)]}, {20: [{"userid": "u1"}]})
    assert [row["user_id"] for row in rows] == ["u1"]


def test_departments_that_never_end_are_a_loop() -> None:
    with pytest.raises(CursorLoop, match="departments"):
        _people({number: [_department(number + 1)] for number in range(1, 100)}, {})


def test_a_department_without_an_id_is_no_answer() -> None:
    with pytest.raises(BadResponse):
        _people({1: [{"name": "x"}]}, {})


def test_a_person_without_an_id_or_with_an_odd_extension_stays_for_quarantine() -> None:
    rows, ids = _people({}, {1: [{"name": "x"}, {"name": "y"}, {"userid": "u1", "extension": "{"}]})
    assert [row["user_id"] for row in rows] == ["u1", None, None] and ids == ["u1"]
    assert rows[0]["parse_error"] == "extension is not the JSON of a date"


def test_people_who_left_can_be_added() -> None:
    _, ids = _people({}, {1: [{"userid": "u2"}]}, Options(ZoneInfo("Asia/Shanghai"), also_user_ids=("u1", "u2")))
    assert ids == ["u1", "u2"]


def _approval(**more: Any) -> dict[str, Any]:
    span = {"begin_time": "2026-11-03 09:00:00", "end_time": "2026-11-03 18:00:00"}
    return {"procInst_id": "p1", "tag_name": "请假", "biz_type": 3, **span, **more}


def _leave(*approvals: dict[str, Any], first: bool = True, code: int = 0) -> list[dict[str, Any]]:
    def answer(asked: Asked) -> Reply:
        if asked.path == "/gettoken":
            return json_reply({"errcode": 0, "access_token": "t", "expires_in": 7200})
        if asked.path.endswith("getleavestatus"):
            away = [{"userid": "u1", "start_time": 1793664000000 + 60_000 * n} for n in range(3)]
            return json_reply({"errcode": 0, "result": {"has_more": False, "leave_status": away}})
        assert asked.json() == {"userid": "u1", "work_date": "2026-11-03"}
        return json_reply({"errcode": code, "result": {"approve_list": list(approvals)}})

    with loopback(answer) as server:
        client = DingTalkClient(transport(server.url), "key", "secret")
        piece = Piece(MIDNIGHT, MIDNIGHT + timedelta(days=7), first=first)
        rows: list[dict[str, Any]] = read_leave(client, OPTIONS, Group("g", ("u1",)), piece).to_pylist()
    assert server.paths().count("/topapi/attendance/getupdatedata") == 1
    return rows


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({}, "leave"), ({"tag_name": "出差", "biz_type": 2}, "trip"), ({"tag_name": "外出", "biz_type": 2}, "out"),
        ({"tag_name": "加班", "biz_type": 1}, "overtime"), ({"tag_name": "调休假"}, "leave"),
        ({"tag_name": "换班", "biz_type": 9}, "换班"),
    ],
)  # fmt: skip
def test_kinds_of_leave(more: dict[str, Any], kind: str) -> None:
    (row,) = _leave(_approval(**more))
    assert row == {
        "approval_id": "p1", "user_id": "u1", "kind": kind, "start_at": datetime(2026, 11, 3, 1, tzinfo=UTC),
        "end_at": datetime(2026, 11, 3, 10, tzinfo=UTC), "parse_error": None, "out_of_scope": None,
    }  # fmt: skip


def test_leave_belongs_to_the_piece_that_it_begins_in() -> None:
    earlier = _approval(begin_time="2026-10-30 09:00:00")
    assert len(_leave(earlier, first=True)) == 1
    assert _leave(earlier, first=False) == []
    assert _leave(_approval(begin_time="2026-10-30 09:00:00", end_time="2026-11-02 00:00:00")) == []


def test_an_approval_that_cannot_be_read_stays_for_quarantine() -> None:
    rows = _leave(_approval(end_time="?"), _approval(procInst_id="a\0b"), _approval(procInst_id=None))
    assert [row["parse_error"] for row in rows] == ["end_time cannot be read", "procInst_id cannot be read", None]
    assert rows[2]["approval_id"].startswith("d-")


def test_a_user_whom_dingtalk_forgot_has_no_leave() -> None:
    assert _leave(_approval(), code=33012) == []
