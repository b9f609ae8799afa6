"""签到 pages to canonical punches, on a server that answers by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fieldwork.connectors.dingtalk.checkins import read_checkins
from fieldwork.connectors.dingtalk.client import DingTalkClient
from fieldwork.connectors.dingtalk.cut import Group, Piece
from fieldwork.connectors.dingtalk.options import Options
from fieldwork.errors import CursorLoop

from .loopback import Answerer, Asked, Reply, json_reply, loopback, transport

MIDNIGHT = datetime(2026, 11, 1, 16, tzinfo=UTC)
T0 = 1793548800000
DAY_MS = 86_400_000


def _read(answer: Answerer, users: tuple[str, ...] = ("u1", "u2")) -> tuple[list[dict[str, Any]], list[Asked]]:
    def reply(asked: Asked) -> Reply:
        if asked.path == "/gettoken":
            return json_reply({"errcode": 0, "access_token": "t", "expires_in": 7200})
        return answer(asked)

    piece = Piece(MIDNIGHT, MIDNIGHT + timedelta(days=1), first=True)
    with loopback(reply) as server:
        client = DingTalkClient(transport(server.url), "key", "secret")
        batches = list(read_checkins(client, Options(ZoneInfo("Asia/Shanghai")), Group("g", users), piece))
    return [row for batch in batches for row in batch.to_pylist()], server.asked[1:]


def _page(rows: list[dict[str, Any]], **more: Any) -> Reply:
    return json_reply({"errcode": 0, "result": {"page_list": rows, **more}})


def _row(**more: Any) -> dict[str, Any]:
    return {"userid": "u1", "checkin_time": T0 + 1000, "place": "西湖", "detail_place": "西湖区文三路", **more}


def test_a_whole_row_with_places_as_text() -> None:
    rows, asked = _read(lambda _: _page([_row(latitude="30.28", longitude="120.01", remark="x", image_list=["u"])]))
    (row,) = rows
    assert 30.27 < row.pop("latitude") < 30.29 and 120.0 < row.pop("longitude") < 120.01
    assert row.pop("record_id").startswith("c-")
    assert {name: value for name, value in row.items() if value is not None} == {
        "user_id": "u1", "kind": "field", "place": "西湖区文三路", "punched_at": MIDNIGHT + timedelta(seconds=1),
    }  # fmt: skip
    assert asked[0].json() == {
        "userid_list": "u1,u2", "start_time": T0, "end_time": T0 + DAY_MS, "cursor": 0, "size": 100,
    }  # fmt: skip


def test_pages_are_followed_until_there_is_no_cursor() -> None:
    def answer(asked: Asked) -> Reply:
        cursor = asked.json()["cursor"]
        rows = [_row(checkin_time=T0 + cursor + n) for n in range(100)]
        return _page(rows, next_cursor=cursor + 100) if cursor < 200 else _page(rows[:50])

    rows, asked = _read(answer)
    assert len(rows) == 250 and len({row["record_id"] for row in rows}) == 250
    assert [one.json()["cursor"] for one in asked] == [0, 100, 200]


def test_a_cursor_that_stands_still_is_a_loop() -> None:
    with pytest.raises(CursorLoop):
        _read(lambda asked: _page([_row()], next_cursor=asked.json()["cursor"]))


def test_the_same_check_in_has_the_same_id_and_the_slice_is_half_open() -> None:
    page = _page([_row(checkin_time=time) for time in (T0 - 1, T0, T0 + DAY_MS - 1, T0 + DAY_MS)], next_cursor=None)
    first, _ = _read(lambda _: page)
    again, _ = _read(lambda _: page)
    assert len(first) == 2 and first == again


@pytest.mark.parametrize("place", [{}, {"latitude": "", "longitude": ""}, {"latitude": None}])
def test_a_check_in_without_a_place(place: dict[str, Any]) -> None:
    rows, _ = _read(lambda _: _page([_row(**place)]))
    assert (rows[0]["latitude"], rows[0]["longitude"], rows[0]["parse_error"]) == (None, None, None)


def test_a_place_that_is_no_number() -> None:
    rows, _ = _read(lambda _: _page([_row(latitude="30°N", longitude="120")]))
    assert rows[0]["parse_error"] == "latitude is not a number"
