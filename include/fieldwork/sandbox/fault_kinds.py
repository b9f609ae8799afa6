"""The ways in which an answer can be spoilt, one function each.

A spoiler gets the rule's parameters, the request, the app (which may still be asked) and the last good answer of the
same path, and returns what the caller gets instead.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, Protocol
from urllib.parse import urlencode

import orjson

from fieldwork.sandbox.server import Reply, Request, json_reply

Params = Mapping[str, Any]


class Victim(Protocol):
    """What a spoiler may do with the app."""

    def answer(self, request: Request) -> Reply: ...

    def expire_tokens(self) -> None: ...


Spoiler = Callable[[Params, Request, Victim, Reply | None], Reply]

#: The names under which vendors list the rows of an answer, innermost container first.
ROW_LISTS: Final = ("recordresult", "page_list", "leave_status", "approve_list", "list", "records")


def _status(status: int, body: object, headers: Params | None = None) -> Spoiler:
    def spoil(params: Params, request: Request, app: Victim, last: Reply | None) -> Reply:
        reply = json_reply(params.get("body", body), int(params.get("status", status)))
        reply.headers = {**(headers or {}), **params.get("headers", {})}
        return reply

    return spoil


def _errcode(params: Params, request: Request, app: Victim, last: Reply | None) -> Reply:
    return json_reply({"errcode": int(params.get("code", -1)), "errmsg": params.get("message", "系统繁忙")})


def _timeout(params: Params, request: Request, app: Victim, last: Reply | None) -> Reply:
    """Silence for ``seconds``, then the connection closes; the app never saw the request."""
    time.sleep(float(params.get("seconds", 30)))
    return Reply(ending="silent")


def _lost_answer(params: Params, request: Request, app: Victim, last: Reply | None) -> Reply:
    """The app does the work and the answer is lost."""
    app.answer(request)
    return Reply(ending="silent")


def _reset(params: Params, request: Request, app: Victim, last: Reply | None) -> Reply:
    return Reply(ending="reset")


def _truncate(params: Params, request: Request, app: Victim, last: Reply | None) -> Reply:
    """Half the body under the whole Content-Length; ``silently``: the length says half, too."""
    reply = app.answer(request)
    if params.get("silently"):
        return replace(reply, body=reply.body[: len(reply.body) // 2])
    return replace(reply, ending="cut")


def _slow(params: Params, request: Request, app: Victim, last: Reply | None) -> Reply:
    time.sleep(float(params.get("seconds", 1)))
    return app.answer(request)


def _html(params: Params, request: Request, app: Victim, last: Reply | None) -> Reply:
    """A page of a gateway or captcha where JSON should be, with status 200."""
    page = "<html><body><h1>访问过于频繁</h1></body></html>"
    return Reply(page.encode(), int(params.get("status", 200)), content_type="text/html;charset=utf-8")


def _empty(params: Params, request: Request, app: Victim, last: Reply | None) -> Reply:
    return Reply(b"")


def _duplicate_page(params: Params, request: Request, app: Victim, last: Reply | None) -> Reply:
    """The last answer of this path again; the first answer when there was none."""
    return last if last is not None else app.answer(request)


def _token_expire(params: Params, request: Request, app: Victim, last: Reply | None) -> Reply:
    app.expire_tokens()
    return app.answer(request)


def _bad_row(params: Params, request: Request, app: Victim, last: Reply | None) -> Reply:
    """Overlay ``fields`` on row ``row`` (default the first) of the answer."""

    def change(rows: list[dict[str, Any]]) -> None:
        if rows:
            rows[int(params.get("row", 0)) % len(rows)].update(params.get("fields", {}))

    return _edited(app.answer(request), change)


def _drop_rows(params: Params, request: Request, app: Victim, last: Reply | None) -> Reply:
    """Leave out the last ``rows`` rows, though the answer's own count, if it has one, still holds them."""

    def change(rows: list[dict[str, Any]]) -> None:
        del rows[max(0, len(rows) - int(params.get("rows", 1))) :]

    return _edited(app.answer(request), change)


def _cursor_loop(params: Params, request: Request, app: Victim, last: Reply | None) -> Reply:
    """Paging that never ends: the answer says that there is more and points back to the page just read."""
    reply = app.answer(request)
    body = orjson.loads(reply.body)
    result = body.get("result") if isinstance(body.get("result"), dict) else body
    if "records" in body:
        again = f"{request.path}?{urlencode(request.query)}" if request.query else request.path
        body.update(done=False, nextRecordsUrl=again)
    elif "page_list" in result or "list" in result:
        result.update(has_more=True, next_cursor=int(request.json().get("cursor") or 0))
    else:
        result["hasMore" if "recordresult" in body else "has_more"] = True
    return replace(reply, body=orjson.dumps(body))


def _row_error(params: Params, request: Request, app: Victim, last: Reply | None) -> Reply:
    """A collections write in which the rows at ``rows`` (default the first) fail with ``code``; the rest go through."""
    body = request.json()
    failing = {int(row) for row in params.get("rows", [0])}
    records = body.get("records", [])
    kept = [record for row, record in enumerate(records) if row not in failing]
    results: list[Any] = []
    if kept:
        reply = app.answer(replace(request, body=orjson.dumps({**body, "records": kept})))
        if reply.status != 200:
            return reply
        results = orjson.loads(reply.body)
    error = {"statusCode": params.get("code", "UNABLE_TO_LOCK_ROW"), "message": params.get("message", ""), "fields": []}
    for row in sorted(failing & set(range(len(records)))):
        results.insert(row, {"success": False, "errors": [error]})
    return json_reply(results)


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
    "drop_rows": _drop_rows,
    "cursor_loop": _cursor_loop,
    "row_error": _row_error,
}
