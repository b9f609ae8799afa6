"""The ways in which an answer can be spoilt, one function each.

A spoiler gets the case at hand and returns what the caller gets instead of the app's answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol
from urllib.parse import urlencode

import orjson

from fieldwork.sandbox.server import Reply, Request, json_reply

Params = Mapping[str, Any]


class Victim(Protocol):
    """What a spoiler may do with the app."""

    def answer(self, request: Request) -> Reply: ...

    def expire_tokens(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Case:
    """A call to be spoilt: the rule's parameters, the request, the app, which may still be asked, and the last good
    answer of the same path."""

    params: Params
    request: Request
    app: Victim
    last: Reply | None

    def answer(self) -> Reply:
        """What the app answers."""
        return self.app.answer(self.request)


Spoiler = Callable[[Case], Reply]

#: The names under which vendors list the rows of an answer, innermost container first.
ROW_LISTS: Final = ("recordresult", "page_list", "leave_status", "approve_list", "list", "records")


def _status(status: int, body: object, headers: Params | None = None) -> Spoiler:
    def spoil(case: Case) -> Reply:
        reply = json_reply(case.params.get("body", body), int(case.params.get("status", status)))
        reply.headers = {**(headers or {}), **case.params.get("headers", {})}
        return reply

    return spoil


def _errcode(case: Case) -> Reply:
    return json_reply({"errcode": int(case.params.get("code", -1)), "errmsg": case.params.get("message", "系统繁忙")})


def _timeout(case: Case) -> Reply:
    """Silence for ``seconds``, then the connection closes; the app never saw the request."""
    time.sleep(float(case.params.get("seconds", 30)))
    return Reply(ending="silent")


def _lost_answer(case: Case) -> Reply:
    """The app does the work and the answer is lost."""
    case.answer()
    return Reply(ending="silent")


def _reset(_: Case) -> Reply:
    return Reply(ending="reset")


def _truncate(case: Case) -> Reply:
    """Half the body under the whole Content-Length; ``silently``: the length says half, too."""
    reply = case.answer()
    if case.params.get("silently"):
        return replace(reply, body=reply.body[: len(reply.body) // 2])
    return replace(reply, ending="cut")


def _slow(case: Case) -> Reply:
    time.sleep(float(case.params.get("seconds", 1)))
    return case.answer()


def _html(case: Case) -> Reply:
    """A page of a gateway or captcha where JSON should be, with status 200."""
    page = "<html><body><h1>访问过于频繁</h1></body></html>"
    return Reply(page.encode(), int(case.params.get("status", 200)), content_type="text/html;charset=utf-8")


def _empty(_: Case) -> Reply:
    return Reply(b"")


def _duplicate_page(case: Case) -> Reply:
    """The last answer of this path again; the first answer when there was none."""
    return case.last if case.last is not None else case.answer()


def _token_expire(case: Case) -> Reply:
    case.app.expire_tokens()
    return case.answer()


def _bad_row(case: Case) -> Reply:
    """Overlay ``fields`` on row ``row`` (default the first) of the answer."""

    def change(rows: list[dict[str, Any]]) -> None:
        if rows:
            rows[int(case.params.get("row", 0)) % len(rows)].update(case.params.get("fields", {}))

    return _edited(case.answer(), change)


def _rewrite(case: Case) -> Reply:
    """Texts of the answer replaced, pair by pair: what no JSON library would write (NaN, a key twice, no UTF-8)."""
    reply = case.answer()
    for old, new in case.params.get("pairs", ()):
        reply = replace(reply, body=reply.body.replace(old.encode(), new.encode("utf-8", "surrogateescape")))
    return reply


def _drop_rows(case: Case) -> Reply:
    """Leave out the last ``rows`` rows, though the answer's own count, if it has one, still holds them."""

    def change(rows: list[dict[str, Any]]) -> None:
        del rows[max(0, len(rows) - int(case.params.get("rows", 1))) :]

    return _edited(case.answer(), change)


def _reshape(case: Case) -> Reply:
    """The vendor's next version: in every record fields are gone (``drop``), called otherwise (``rename``), texts
    instead of numbers (``retype``), or new (``add``); a description tells the same of its fields."""
    drop, retype = case.params.get("drop", ()), case.params.get("retype", ())
    rename, add = dict(case.params.get("rename", {})), dict(case.params.get("add", {}))

    def record(row: dict[str, Any]) -> dict[str, Any]:
        kept = {name: str(value) if name in retype else value for name, value in row.items() if name not in drop}
        return {rename.get(name, name): value for name, value in kept.items()} | add

    def description(field: dict[str, Any]) -> dict[str, Any]:
        told = {**field, "name": rename.get(field["name"], field["name"])}
        return told | ({"type": "string"} if field["name"] in retype else {})

    def change(rows: list[dict[str, Any]]) -> None:
        rows[:] = [record(row) for row in rows]

    reply = case.answer()
    body = orjson.loads(reply.body)
    if isinstance(body, dict) and isinstance(body.get("fields"), list):
        body["fields"] = [description(field) for field in body["fields"] if field["name"] not in drop]
        body["fields"] += [{"name": name, "type": "string", "length": 255} for name in add]
        return replace(reply, body=orjson.dumps(body))
    return _edited(reply, change)


def _cursor_loop(case: Case) -> Reply:
    """Paging that never ends: the answer says that there is more and points back to the page just read."""
    reply = case.answer()
    body = orjson.loads(reply.body)
    result = body.get("result") if isinstance(body.get("result"), dict) else body
    if "records" in body:
        path, query = case.request.path, case.request.query
        again = f"{path}?{urlencode(query)}" if query else path
        body.update(done=False, nextRecordsUrl=again)
    elif "page_list" in result or "list" in result:
        result.update(has_more=True, next_cursor=int(case.request.json().get("cursor") or 0))
    else:
        result["hasMore" if "recordresult" in body else "has_more"] = True
    return replace(reply, body=orjson.dumps(body))


def _row_error(case: Case) -> Reply:
    """A collections write whose rows at ``rows`` (default the first) fail with ``code``; the rest go through."""
    body = case.request.json()
    failing = {int(row) for row in case.params.get("rows", [0])}
    records = body.get("records", [])
    kept = [record for row, record in enumerate(records) if row not in failing]
    results: list[Any] = []
    if kept:
        reply = case.app.answer(replace(case.request, body=orjson.dumps({**body, "records": kept})))
        if reply.status != 200:
            return reply
        results = orjson.loads(reply.body)
    error = {
        "statusCode": case.params.get("code", "UNABLE_TO_LOCK_ROW"),
        "message": case.params.get("message", ""),
        "fields": [],
    }
    for row in sorted(failing & set(range(len(records)))):
        results.insert(row, {"success": False, "errors": [error]})
    return json_reply(results)


def _poison(case: Case) -> Reply:
    """A write that holds one of ``keys`` anywhere is refused whole, with ``status``, ``code`` and ``message``."""
    if not any(str(key).encode() in case.request.body for key in case.params.get("keys", ())):
        return case.answer()
    code = case.params.get("code", "JSON_PARSER_ERROR")
    refusal = [{"message": case.params.get("message", "Illegal character in a value"), "errorCode": code}]
    return json_reply(refusal, int(case.params.get("status", 400)))


def _edited(reply: Reply, change: Callable[[list[dict[str, Any]]], None]) -> Reply:
    body = orjson.loads(reply.body)
    for place in (body.get("result"), body) if isinstance(body, dict) else ():
        for name in ROW_LISTS:
            if isinstance(place, dict) and isinstance(place.get(name), list):
                change(place[name])
                return replace(reply, body=orjson.dumps(body))
    return reply


_SESSION: Final = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
_LIMIT: Final = [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
_DOWN: Final = [{"message": "Server is too busy", "errorCode": "SERVER_UNAVAILABLE"}]

KINDS: Final[dict[str, Spoiler]] = {
    "status": _status(500, _DOWN),
    "status_401": _status(401, _SESSION),
    "status_403_limit": _status(403, _LIMIT),
    "status_429": _status(429, _LIMIT, {"Retry-After": "1"}),
    "status_503": _status(503, _DOWN),
    "errcode": _errcode,
    "timeout": _timeout,
    "lost_answer": _lost_answer,
    "reset": _reset,
    "truncate": _truncate,
    "slow": _slow,
    "html": _html,
    "empty": _empty,
    "duplicate_page": _duplicate_page,
    "token_expire": _token_expire,
    "bad_row": _bad_row,
    "rewrite": _rewrite,
    "drop_rows": _drop_rows,
    "reshape": _reshape,
    "cursor_loop": _cursor_loop,
    "row_error": _row_error,
    "poison": _poison,
}
