"""Every errcode of the table does what it should, against a server that answers by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pytest

from fieldwork.connectors.dingtalk.client import DingTalkClient
from fieldwork.errors import (
    AuthFailed,
    BadResponse,
    FieldworkError,
    QuotaExhausted,
    RateLimited,
    RequestRefused,
    SourceUnavailable,
)

from .loopback import Answerer, Asked, Reply, in_turn, json_reply, loopback, transport

SECRET = "app-secret-canary"
GOOD = json_reply({"errcode": 0, "errmsg": "ok", "result": {"n": 1}})


def _code(code: int, **more: Any) -> Reply:
    return json_reply({"errcode": code, "errmsg": "张三 13800138000", **more})


def _dingtalk(answer: Answerer) -> Callable[[Asked], Reply]:
    tokens: list[str] = []
    lock = threading.Lock()

    def reply(asked: Asked) -> Reply:
        if asked.path != "/gettoken":
            return answer(asked)
        with lock:
            tokens.append(f"token-{len(tokens) + 1}")
            return json_reply({"errcode": 0, "access_token": tokens[-1], "expires_in": 7200})

    return reply


def _ask(url: str, slept: list[float] | None = None) -> dict[str, Any] | None:
    return DingTalkClient(transport(url, slept=slept), "key", SECRET).answer("/topapi/x", {"a": 1})


def test_the_token_stands_in_the_query_and_is_fetched_once() -> None:
    with loopback(_dingtalk(in_turn(GOOD))) as server:
        client = DingTalkClient(transport(server.url), "key", SECRET)
        for _ in range(3):
            client.answer("/topapi/x", {"a": 1})
    assert server.paths() == ["/gettoken"] + ["/topapi/x"] * 3
    assert server.asked[0].query == {"appkey": "key", "appsecret": SECRET}
    assert {one.query["access_token"] for one in server.asked[1:]} == {"token-1"}
    assert server.asked[1].json() == {"a": 1} and client.calls == 4


@pytest.mark.parametrize("code", [33001, 40001, 40014, 41001, 42001])
def test_a_refused_token_is_renewed_once(code: int) -> None:
    with loopback(_dingtalk(in_turn(_code(code), GOOD))) as server:
        assert _ask(server.url) is not None
    assert [one.query.get("access_token") for one in server.asked] == [None, "token-1", None, "token-2"]


def test_a_gateway_refusal_of_the_token_and_a_plain_401_are_renewed_too() -> None:
    for bad in (_code(88, sub_code="40014"), json_reply({}, 401)):
        with loopback(_dingtalk(in_turn(bad, GOOD))) as server:
            assert _ask(server.url) is not None


def test_a_token_refused_twice_is_auth_failed() -> None:
    with loopback(_dingtalk(in_turn(_code(40014)))) as server, pytest.raises(AuthFailed):
        _ask(server.url)
    assert server.paths() == ["/gettoken", "/topapi/x"] * 2


def test_eight_threads_with_an_old_token_renew_it_once() -> None:
    def answer(asked: Asked) -> Reply:
        return _code(42001) if asked.query["access_token"] == "token-1" else GOOD

    with loopback(_dingtalk(answer)) as server:
        client = DingTalkClient(transport(server.url), "key", SECRET)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: client.answer("/topapi/x", {}), range(24)))
    assert server.paths().count("/gettoken") == 2


@pytest.mark.parametrize("code", [40001, 40014, 40089])
def test_wrong_credentials_are_auth_failed_after_one_call(code: int) -> None:
    with loopback(in_turn(_code(code))) as server, pytest.raises(AuthFailed, match="app key"):
        _ask(server.url)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("code", "waits", "kind"),
    [(90018, [1.0] * 5, RateLimited), (90002, [1.0, 2.0, 4.0], RateLimited), (-1, [1.0, 2.0, 4.0], SourceUnavailable)],
)
def test_a_slow_down_is_waited_for_and_bounded(code: int, waits: list[float], kind: type[FieldworkError]) -> None:
    slept: list[float] = []
    with loopback(_dingtalk(in_turn(_code(code), _code(code), GOOD))) as server:
        assert _ask(server.url, slept) is not None
    assert slept == waits[:2]
    slept.clear()
    with loopback(_dingtalk(in_turn(_code(code)))) as server, pytest.raises(kind):
        _ask(server.url, slept)
    assert slept == waits and server.paths().count("/topapi/x") == len(waits) + 1


@pytest.mark.parametrize(
    ("reply", "kind", "todo"),
    [
        (_code(90020), QuotaExhausted, "month"),
        (_code(60011), RequestRefused, "permission"),
        (_code(88, sub_code="60011"), RequestRefused, "permission"),
        (_code(88, sub_code=60011), RequestRefused, "permission"),
        (_code(88), RequestRefused, "permission"),
        (_code(60020), RequestRefused, "outgoing addresses"),
        (_code(50004), RequestRefused, "root_department"),
        (_code(41041), RequestRefused, "report"),
        (_code(34567), RequestRefused, "errcodes"),
        (_code(90005), RateLimited, "calls_per_second"),
        (json_reply({"status": 1111, "wait": 5, "source": "x5", "punish": "deny"}), RateLimited, "5 minutes"),
        (Reply(b"<html>", headers={"Content-Type": "text/html"}), RateLimited, "5 minutes"),
        (json_reply({"result": {}}), BadResponse, "oapi"),
        (json_reply({}, 404), RequestRefused, "host"),
    ],
    ids=["quota", "60011", "88-60011", "88-number", "88", "address", "grant", "span", "unknown", "ban", "punish",
         "page", "none", "404"],
)  # fmt: skip
def test_a_refusal_ends_at_once_with_a_name_and_a_remedy(reply: Reply, kind: type[FieldworkError], todo: str) -> None:
    slept: list[float] = []
    with loopback(_dingtalk(in_turn(reply))) as server, pytest.raises(kind) as raised:
        _ask(server.url, slept)
    assert todo in raised.value.todo and slept == []
    assert server.paths() == ["/gettoken", "/topapi/x"]
    assert "张三" not in str(raised.value) and SECRET not in str(raised.value)


def test_an_error_inside_a_page_of_rows_is_seen() -> None:
    fields = {"id": pa.int64()}
    with loopback(
        _dingtalk(in_turn(_code(-1, recordresult=[]), json_reply({"errcode": 0, "recordresult": [{"id": 1}]})))
    ) as server:
        page = DingTalkClient(transport(server.url), "key", SECRET).rows("/x", {}, "recordresult", fields)
    assert page.rows.to_pylist() == [{"id": 1}]


@pytest.mark.parametrize(("code", "tokens"), [(90018, 1), (42001, 2)])
def test_of_several_pages_only_the_one_told_to_wait_is_called_for_again(code: int, tokens: int) -> None:
    def answer(asked: Asked) -> Reply:
        n = asked.json()["n"]
        if n == 1 and [one.path == "/x" and one.json()["n"] == 1 for one in server.asked].count(True) == 1:
            return _code(code)
        return json_reply({"errcode": 0, "recordresult": [{"id": n}]})

    slept: list[float] = []
    with loopback(_dingtalk(answer)) as server:
        client = DingTalkClient(transport(server.url, slept=slept), "key", SECRET)
        pages = client.pages("/x", [{"n": n} for n in range(3)], "recordresult", {"id": pa.int64()})
    assert [page.rows.to_pylist() for page in pages] == [[{"id": n}] for n in range(3)]
    assert [one.json()["n"] for one in server.asked if one.path == "/x"] == [0, 1, 2, 1]
    assert server.paths().count("/gettoken") == tokens and slept == ([1.0] if code == 90018 else [])


def test_a_token_refused_for_all_of_several_pages_is_renewed_once_and_not_for_ever() -> None:
    with loopback(_dingtalk(in_turn(_code(40014)))) as server, pytest.raises(AuthFailed):
        DingTalkClient(transport(server.url), "key", SECRET).pages("/x", [{}, {}], "recordresult", {})
    assert server.paths() == ["/gettoken", "/x", "/x", "/gettoken", "/x"]


def test_codes_that_mean_nothing_there_give_none() -> None:
    with loopback(_dingtalk(in_turn(_code(33012)))) as server:
        client = DingTalkClient(transport(server.url), "key", SECRET)
        assert client.answer("/x", {}, nothing=frozenset({33012})) is None
