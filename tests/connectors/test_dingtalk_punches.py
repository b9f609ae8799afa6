"""打卡 rows to canonical punches, on a server that answers by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fieldwork.connectors.dingtalk.client import DingTalkClient
from fieldwork.connectors.dingtalk.cut import Group, Piece
from fieldwork.connectors.dingtalk.options import Options
from fieldwork.connectors.dingtalk.punches import read_punches
from fieldwork.errors import BadResponse

from .loopback import Asked, Reply, json_reply, loopback, transport

MIDNIGHT = datetime(2026, 11, 1, 16, tzinfo=UTC)
PIECE = Piece(MIDNIGHT, MIDNIGHT + timedelta(days=7), first=True)
T0 = 1793548800000
DAY_MS = 86_400_000


def _row(**more: Any) -> dict[str, Any]:
    return {"id": 1, "userId": "u1", "userCheckTime": T0 + 1, "checkType": "OnDuty", "locationResult": "Normal", **more}


def _read(
    *rows: dict[str, Any], options: Options | None = None, body: Any = None
) -> tuple[list[dict[str, Any]], Asked]:
    def answer(asked: Asked) -> Reply:
        if asked.path == "/gettoken":
            return json_reply({"errcode": 0, "access_token": "t", "expires_in": 7200})
        return json_reply(body or {"errcode": 0, "recordresult": list(rows)})

    with loopback(answer) as server:
        client = DingTalkClient(transport(server.url), "key", "secret")
        group = Group("g000-x", ("u1", "u2"))
        batch = read_punches(client, options or Options(ZoneInfo("Asia/Shanghai")), group, PIECE)
    return batch.to_pylist(), server.asked[-1]


def test_the_call_asks_local_wall_clock() -> None:
    _, asked = _read()
    assert asked.json() == {
        "userIds": ["u1", "u2"],
        "checkDateFrom": "2026-11-02 00:00:00",
        "checkDateTo": "2026-11-09 00:00:00",
        "isI18n": False,
    }


def test_a_whole_row() -> None:
    rows, _ = _read(
        _row(
            id=43047156750, workDate=T0, baseCheckTime=T0 + 3_600_000, gmtModified=T0 + 5, locationResult="Outside",
            userLatitude=39.9, userLongitude=116.4, userAccuracy=65, userAddress="西湖区", deviceId="d1", deviceSN="s1",
        )
    )  # fmt: skip
    (row,) = rows
    assert 39.89 < row.pop("latitude") < 39.9 and 116.39 < row.pop("longitude") < 116.4
    assert row == {
        "record_id": "43047156750", "user_id": "u1", "punched_at": MIDNIGHT + timedelta(milliseconds=1),
        "kind": "field", "accuracy_m": 65.0, "place": "西湖区", "device_id": "d1", "work_date": date(2026, 11, 2),
        "base_at": MIDNIGHT + timedelta(hours=1), "modified_at": MIDNIGHT + timedelta(milliseconds=5),
        "parse_error": None, "out_of_scope": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("more", "kind", "out_of_scope"),
    [
        ({}, "in", None),
        ({"checkType": "OffDuty"}, "out", None),
        ({"locationResult": "Outside"}, "field", None),
        ({"checkType": "Lunch"}, "Lunch", None),
        ({"invalidRecordType": "Security"}, "in", "invalid punch"),
        ({"checkType": None}, None, "invalid punch"),
        ({"checkType": None, "locationResult": "Outside"}, None, "invalid punch"),
    ],
)
def test_kinds(more: dict[str, Any], kind: str | None, out_of_scope: str | None) -> None:
    rows, _ = _read(_row(**more))
    assert [(row["kind"], row["out_of_scope"]) for row in rows] == [(kind, out_of_scope)]


def test_the_slice_is_half_open_whatever_the_vendor_includes() -> None:
    times = [T0 - 1, T0, T0 + 7 * DAY_MS - 1, T0 + 7 * DAY_MS, None]
    rows, _ = _read(*[_row(id=n, userCheckTime=time) for n, time in enumerate(times)])
    assert [row["record_id"] for row in rows] == ["1", "2", "4"]


def test_a_page_of_texts_reads_the_same() -> None:
    row = _row(workDate=T0, userLatitude=39.9, userLongitude=116.4, userAccuracy=65.5)
    numbers, _ = _read(row, _row(id=2))
    texts, _ = _read({name: str(value) for name, value in row.items()}, _row(id="2"))
    assert texts == numbers


def test_a_broken_row_is_kept_with_its_reason() -> None:
    rows, _ = _read(
        _row(),
        _row(id=2, userCheckTime="gestern"),
        _row(id=3, userAddress="a\0b"),
        _row(id=4, userCheckTime=T0 // 1000),
    )
    assert [row["parse_error"] for row in rows] == [
        None,
        "userCheckTime is not a number",
        "userAddress holds U+0000",
        "userCheckTime is not in milliseconds since 1970",
    ]


def test_no_list_of_records_is_not_an_empty_one() -> None:
    with pytest.raises(BadResponse):
        _read(body={"errcode": 0, "errmsg": "ok"})


def test_the_datum_is_the_companys() -> None:
    rows, _ = _read(
        _row(userLatitude=39.9, userLongitude=116.4), options=Options(ZoneInfo("Asia/Shanghai"), datum="WGS-84")
    )
    assert (rows[0]["latitude"], rows[0]["longitude"]) == (39.9, 116.4)
