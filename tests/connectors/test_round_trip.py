"""All eight streams of a small company, out of the vendors' shapes and back to the canonical rows, faults included."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from fieldwork.connectors.base import Source
from fieldwork.errors import (
    BadResponse,
    CursorLoop,
    FieldworkError,
    QuotaExhausted,
    RateLimited,
    SourceUnavailable,
    TruncatedRead,
)
from fieldwork.sandbox.up import Sandbox
from fieldwork.streams import STREAMS

from .sandboxed import city, company, dingtalk, read, salesforce

PATHS = {
    "employees": "/topapi/v2/user/list",
    "punches": "/attendance/listRecord",
    "leave": "/topapi/attendance/getleavestatus",
    "crm_users": "/query",
    "accounts": "/query",
    "visits": "/queryAll",
    "tasks": "/queryAll",
    "opportunities": "/queryAll",
}


def _source(sandbox: Sandbox, stream: str) -> Source:
    return dingtalk(sandbox) if STREAMS[stream].side == "attendance" else salesforce(sandbox)


def _expected(stream: str) -> list[dict[str, Any]]:
    """The company's rows as a connector gives them: 签到 have our id and no device, addresses are in lower case."""
    rows: list[dict[str, Any]] = company().tables[stream].to_pylist()
    for row in rows:
        row.update(parse_error=None, out_of_scope=None)
        if row.get("email"):
            row["email"] = row["email"].lower()
        if row.get("kind") == "field" and row["accuracy_m"] is None:
            when = round(row["punched_at"].timestamp() * 1000)
            row.update(device_id=None, work_date=None, base_at=None, modified_at=None)
            row["record_id"] = "c-" + sha256(f"{row['user_id']}|{when}".encode()).hexdigest()[:24]
    return sorted(rows, key=lambda row: str(row[STREAMS[stream].key]))


def _same(got: list[dict[str, Any]], want: list[dict[str, Any]]) -> None:
    """Equal but for places, which are equal to about a metre."""
    for place in ("latitude", "longitude"):
        for a, b in zip(got, want, strict=True):
            if a.get(place) is not None and b.get(place) is not None:
                assert a.pop(place) == pytest.approx(b.pop(place), abs=9e-6)
    assert got == want


@pytest.fixture(scope="module")
def sandbox() -> Any:
    with city() as running:
        yield running


@pytest.fixture(autouse=True)
def no_faults_left(sandbox: Sandbox) -> None:
    sandbox.clear()


@pytest.mark.parametrize("stream", STREAMS)
def test_a_stream_comes_back_as_it_was(stream: str, sandbox: Sandbox) -> None:
    want = _expected(stream)
    assert want
    _same(read(_source(sandbox, stream), stream), want)


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status_503", "times": 2}, {"kind": "status_429"}, {"kind": "status_401"}, {"kind": "token_expire"},
        {"kind": "reset"}, {"kind": "truncate"}, {"kind": "truncate", "silently": True}, {"kind": "empty"},
        {"kind": "lost_answer"},
    ],
    ids=lambda fault: fault["kind"] + ("-silently" if "silently" in fault else ""),
)  # fmt: skip
def test_a_passing_fault_loses_and_doubles_nothing(stream: str, fault: dict[str, Any], sandbox: Sandbox) -> None:
    sandbox.inject(PATHS[stream], **fault)
    _same(read(_source(sandbox, stream), stream), _expected(stream))


@pytest.mark.parametrize("stream", ["punches", "visits"])
def test_silence_loses_and_doubles_nothing(stream: str, sandbox: Sandbox) -> None:
    sandbox.inject(PATHS[stream], "timeout", seconds=1.2)
    _same(read(_source(sandbox, stream), stream), _expected(stream))


@pytest.mark.parametrize("code", [90018, 90002, -1, 42001])
@pytest.mark.parametrize("stream", ["employees", "punches", "leave"])
def test_dingtalks_passing_codes_lose_and_double_nothing(stream: str, code: int, sandbox: Sandbox) -> None:
    sandbox.inject(PATHS[stream], "errcode", code=code)
    _same(read(_source(sandbox, stream), stream), _expected(stream))


@pytest.mark.parametrize(
    ("stream", "fault", "kind"),
    [
        ("punches", {"kind": "html"}, RateLimited),
        ("punches", {"kind": "errcode", "code": 90020}, QuotaExhausted),
        ("punches", {"kind": "status_503", "times": 99}, SourceUnavailable),
        ("employees", {"kind": "cursor_loop", "times": 99}, CursorLoop),
        ("visits", {"kind": "html"}, BadResponse),
        ("visits", {"kind": "status_403_limit"}, QuotaExhausted),
        ("visits", {"kind": "drop_rows", "rows": 3}, TruncatedRead),
        ("visits", {"kind": "cursor_loop", "times": 99}, CursorLoop),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else None,
)
def test_a_lasting_fault_has_a_name(
    stream: str, fault: dict[str, Any], kind: type[FieldworkError], sandbox: Sandbox
) -> None:
    sandbox.inject(PATHS[stream], **fault)
    with pytest.raises(kind):
        read(_source(sandbox, stream), stream)


def test_a_bad_row_costs_one_row(sandbox: Sandbox) -> None:
    sandbox.inject(PATHS["visits"], "bad_row", fields={"EndDateTime": "tomorrow"})
    rows = read(_source(sandbox, "visits"), "visits")
    assert [row["parse_error"] for row in rows if row["parse_error"]] == [
        "EndDateTime is not an instant with an offset"
    ]
    assert len(rows) == len(_expected("visits"))


def test_the_list_of_people_is_read_once(sandbox: Sandbox) -> None:
    source = dingtalk(sandbox)
    for stream in ("employees", "punches", "leave"):
        read(source, stream)
    assert (
        sandbox.calls()[PATHS["employees"]] == len(set(company().tables["employees"]["team"].to_pylist()) - {None}) + 1
    )


def test_leave_asked_day_by_day_is_the_same(sandbox: Sandbox) -> None:
    source = dingtalk(sandbox, {"dingtalk": {"leave_discovery": "every_day"}})
    _same(read(source, "leave"), _expected("leave"))
    assert PATHS["leave"] not in sandbox.calls()


def test_checkins_can_be_left_out(sandbox: Sandbox) -> None:
    rows = read(dingtalk(sandbox, {"dingtalk": {"checkins": False}}), "punches")
    assert rows and not any(row["record_id"].startswith("c-") for row in rows)
    assert "/topapi/checkin/record/get" not in sandbox.calls()
