"""The DingTalk sandbox: which call gets which answer (vendors/attendance-apis.md, section 1).

Errors stand in an envelope under HTTP 200 on the old host's paths; ``/v1.0/`` answers with an HTTP status. Both hosts
are one here. Rates are per path, as the vendor counts them; tokens and the address book are exempt.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from fieldwork.sandbox.company import Company
from fieldwork.sandbox.dingtalk_leave import Approvals
from fieldwork.sandbox.dingtalk_people import SHANGHAI, AddressBook
from fieldwork.sandbox.dingtalk_results import Results
from fieldwork.sandbox.dingtalk_rows import checkins_shelf, records_shelf
from fieldwork.sandbox.server import Reply, Request, json_reply

TOKEN_SECONDS: Final = 7200
WEEK: Final = timedelta(days=7)
DAY_MS: Final = 86_400_000
MAX_USERS: Final = 50
Body = dict[str, Any]


class RefusalError(Exception):
    """The vendor's way to say no; ends in the error envelope."""

    def __init__(self, errcode: int, errmsg: str) -> None:
        super().__init__(errmsg)
        self.errcode, self.errmsg = errcode, errmsg


class DingTalkApp:
    """One company's DingTalk. ``rate``: calls a second and path, 0 for no limit."""

    def __init__(self, company: Company, *, app_key: str, app_secret: str, rate: float = 0) -> None:
        self._key, self._secret, self._rate = app_key, app_secret, rate
        self._token, self._expires = "", 0.0
        self._recent: dict[str, deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()
        self.load(company)

    def load(self, company: Company) -> None:
        """Serve this company from now on."""
        punches = company.tables["punches"]
        self._people = AddressBook(company.tables["employees"])
        self._approvals = Approvals(company.tables["leave"])
        self._records = records_shelf(punches)
        self._checkins = checkins_shelf(punches)
        self._results = Results(company, self._records)
        self._company = company

    def expire_tokens(self) -> None:
        """The token issued so far is refused from now on."""
        self._expires = 0.0

    def records(self, name: str) -> list[dict[str, Any]]:
        """A stream's canonical rows."""
        return [dict(row) for row in self._company.tables[name].to_pylist()] if name in self._company.tables else []

    def answer(self, request: Request) -> Reply:
        """The vendor's answer."""
        try:
            if (request.method, request.path) == ("GET", "/gettoken"):
                return self._old_token(request)
            if (request.method, request.path) == ("POST", "/v1.0/oauth2/accessToken"):
                return self._new_token(request)
            call, exempt = CALLS.get(request.path, (None, True))
            if call is None or request.method != "POST":
                raise RefusalError(404, "请求的URI地址不存在")
            self._check_token(request)
            if not exempt:
                self._count(request.path)
            return call(self, _body(request))
        except RefusalError as refusal:
            body = {"errcode": refusal.errcode, "errmsg": refusal.errmsg, "request_id": secrets.token_hex(6)}
            return json_reply(body)

    # --- tokens and rates

    def _issue(self) -> str:
        with self._lock:
            if self._expires <= time.monotonic():
                self._token = secrets.token_hex(16)
            self._expires = time.monotonic() + TOKEN_SECONDS
            return self._token

    def _old_token(self, request: Request) -> Reply:
        if (request.query.get("appkey"), request.query.get("appsecret")) != (self._key, self._secret):
            return json_reply({"errcode": 40001, "errmsg": "获取access_token时Secret错误，或者access_token无效"})
        token = self._issue()
        return json_reply({"errcode": 0, "access_token": token, "errmsg": "ok", "expires_in": TOKEN_SECONDS})

    def _new_token(self, request: Request) -> Reply:
        body = _body(request)
        if (body.get("appKey"), body.get("appSecret")) != (self._key, self._secret):
            return json_reply({"code": "invalidClientIdOrSecret", "message": "无效的clientId或者clientSecret"}, 400)
        return json_reply({"accessToken": self._issue(), "expireIn": TOKEN_SECONDS})

    def _check_token(self, request: Request) -> None:
        token = request.query.get("access_token")
        if not token:
            raise RefusalError(41001, "缺少access_token参数")
        if token != self._token or self._expires <= time.monotonic():
            raise RefusalError(40014, "不合法的access_token")

    def _count(self, path: str) -> None:
        """At most ``rate`` calls of a path in any second."""
        if not self._rate:
            return
        now = time.monotonic()
        with self._lock:
            recent = self._recent[path]
            while recent and recent[0] <= now - 1:
                recent.popleft()
            if len(recent) >= self._rate:
                raise RefusalError(90018, "您的服务器调用钉钉开放平台当前接口的所有请求都被暂时禁用了")
            recent.append(now)

    # --- attendance

    def list_results(self, body: Body) -> Reply:
        """``/attendance/list``: whole days, paged."""
        users = _users(body, "userIdList")
        first, last = _span(body, "workDateFrom", "workDateTo")
        offset, limit = _number(body, "offset"), _number(body, "limit", most=50)
        rows = [] if body.get("isI18n") is True else self._results.rows(users, first.date(), last.date())
        page = rows[offset : offset + limit]
        more = offset + limit < len(rows)
        return json_reply({"errcode": 0, "errmsg": "ok", "hasMore": more, "recordresult": page})

    def list_records(self, body: Body) -> Reply:
        """``/attendance/listRecord``: instants, unpaged."""
        users = _users(body, "userIds")
        first, last = _span(body, "checkDateFrom", "checkDateTo")
        start, end = int(first.timestamp() * 1000), int(last.timestamp() * 1000) + 999
        ranges = [] if body.get("isI18n") is True else self._records.between(dict.fromkeys(users), start, end)
        return Reply(b'{"errcode":0,"errmsg":"ok","recordresult":[' + self._records.read(ranges) + b"]}")

    def list_checkins(self, body: Body) -> Reply:
        """``/topapi/checkin/record/get``: 签到, paged by cursor."""
        users = [user for user in str(body.get("userid_list") or "").split(",") if user]
        start, end = _number(body, "start_time"), _number(body, "end_time")
        cursor, size = _number(body, "cursor"), _number(body, "size", most=100)
        if not users or len(users) > 10 or end < start or size < 1:
            raise RefusalError(40035, "不合法的参数")
        if end - start > (10 if len(users) == 1 else 1) * DAY_MS:
            raise RefusalError(40035, "不合法的参数: 时间跨度过大")
        ranges = self._checkins.between(dict.fromkeys(users), start, end)
        total = sum(high - low for low, high in ranges)
        rows = self._checkins.read(_part(ranges, cursor, cursor + size))
        following = b"%d" % (cursor + size) if cursor + size < total else b"null"
        head = b'{"errcode":0,"request_id":"%s","result":{"next_cursor":%s,"page_list":['
        return Reply(head % (secrets.token_hex(6).encode(), following) + rows + b"]}}")

    def leave_status(self, body: Body) -> Reply:
        """``/topapi/attendance/getleavestatus``."""
        users = [user for user in str(body.get("userid_list") or "").split(",") if user]
        start, end = _number(body, "start_time"), _number(body, "end_time")
        offset, size = _number(body, "offset"), _number(body, "size", most=20)
        if not users or len(users) > 100 or end < start or end - start > 180 * DAY_MS:
            raise RefusalError(40035, "不合法的参数")
        rows = self._approvals.status(users, start, end)
        result = {"has_more": offset + size < len(rows), "leave_status": rows[offset : offset + size]}
        return _ok(result)

    def day_of_user(self, body: Body) -> Reply:
        """``/topapi/attendance/getupdatedata``: one user, one day, local strings."""
        user = str(body.get("userid") or "")
        if user not in self._people.users:
            raise RefusalError(33012, "无效的USERID")
        day = _local(str(body.get("work_date") or ""))
        start = int(day.timestamp() * 1000)
        rows = orjson.loads(b"[" + self._records.read(self._records.between([user], start, start + DAY_MS - 1)) + b"]")
        result = {
            "work_date": body["work_date"],
            "userid": user,
            "corpId": "dingsandbox",
            "attendance_result_list": self._results.rows([user], day.date(), day.date()),
            "check_record_list": [_check_record(row) for row in rows if "userCheckTime" in row],
            "approve_list": self._approvals.on_day(user, day),
            "class_setting_info": {},
        }
        return _ok(result)

    # --- the address book

    def list_departments(self, body: Body) -> Reply:
        """``/topapi/v2/department/listsub``: one level."""
        found = self._people.subdepartments(_number(body, "dept_id", default=1))
        if found is None:
            raise RefusalError(60003, "部门不存在")
        return _ok(found)

    def list_user_ids(self, body: Body) -> Reply:
        """``/topapi/user/listid``."""
        return _ok({"userid_list": [user["userid"] for user in self._members(body)]})

    def list_users(self, body: Body) -> Reply:
        """``/topapi/v2/user/list``, paged by cursor."""
        cursor, size = _number(body, "cursor"), _number(body, "size", most=100)
        members = self._members(body)
        result: dict[str, Any] = {"has_more": cursor + size < len(members), "list": members[cursor : cursor + size]}
        if result["has_more"]:
            result["next_cursor"] = cursor + size
        return _ok(result)

    def _members(self, body: Body) -> list[dict[str, Any]]:
        members = self._people.members(_number(body, "dept_id"))
        if members is None:
            raise RefusalError(60003, "部门不存在")
        return members


#: path: what answers it, and whether it is exempt from the rate limit
CALLS: Final[dict[str, tuple[Callable[[DingTalkApp, Body], Reply], bool]]] = {
    "/attendance/list": (DingTalkApp.list_results, False),
    "/attendance/listRecord": (DingTalkApp.list_records, False),
    "/topapi/checkin/record/get": (DingTalkApp.list_checkins, False),
    "/topapi/attendance/getleavestatus": (DingTalkApp.leave_status, False),
    "/topapi/attendance/getupdatedata": (DingTalkApp.day_of_user, False),
    "/topapi/v2/department/listsub": (DingTalkApp.list_departments, True),
    "/topapi/user/listid": (DingTalkApp.list_user_ids, True),
    "/topapi/v2/user/list": (DingTalkApp.list_users, True),
}


def _ok(result: object) -> Reply:
    body = {"errcode": 0, "errmsg": "ok", "success": True, "request_id": secrets.token_hex(6), "result": result}
    return json_reply(body)


def _body(request: Request) -> Body:
    """JSON, as clients send it, or a form, as the vendor's examples do."""
    try:
        body = request.json() if request.body.lstrip()[:1] == b"{" else dict(request.form())
    except ValueError:
        raise RefusalError(40035, "不合法的参数: 请求体不是JSON") from None
    return dict(body)


def _users(body: Body, name: str) -> list[str]:
    users = body.get(name)
    if isinstance(users, str):
        users = orjson.loads(users) if users.startswith("[") else users.split(",")
    if not isinstance(users, list) or not users:
        raise RefusalError(40035, f"不合法的参数: {name}")
    if len(users) > MAX_USERS:
        raise RefusalError(41102, f"{name}列表过长, 最多{MAX_USERS}个")
    return [str(user) for user in users]


def _span(body: Body, start: str, end: str) -> tuple[datetime, datetime]:
    first, last = _local(str(body.get(start) or "")), _local(str(body.get(end) or ""))
    if last - first > WEEK:
        raise RefusalError(41041, "查询考勤的时间跨度最长为7天")
    if last < first:
        raise RefusalError(40035, f"不合法的参数: {end}早于{start}")
    return first, last


def _local(text: str) -> datetime:
    for form in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=SHANGHAI)
        except ValueError:
            continue
    raise RefusalError(41100, "时间格式错误, 应为yyyy-MM-dd HH:mm:ss")


def _number(body: Body, name: str, *, most: int | None = None, default: int | None = None) -> int:
    try:
        number = int(body[name]) if name in body or default is None else default
    except (KeyError, TypeError, ValueError):
        raise RefusalError(40035, f"不合法的参数: {name}") from None
    if number < 0 or (most is not None and number > most):
        raise RefusalError(40035, f"不合法的参数: {name}")
    return number


def _part(ranges: list[tuple[int, int]], start: int, end: int) -> list[tuple[int, int]]:
    """Rows ``start`` to ``end`` of the ranges laid end to end."""
    part, before = [], 0
    for low, high in ranges:
        first, last = max(low, low + start - before), min(high, low + end - before)
        if first < last:
            part.append((first, last))
        before += high - low
    return part


def _check_record(row: dict[str, Any]) -> dict[str, Any]:
    at = datetime.fromtimestamp(row["userCheckTime"] / 1000, SHANGHAI)
    record = {
        "record_id": row["id"],
        "source_type": row["sourceType"],
        "user_check_time": f"{at:%F %T}",
        "user_accuracy": row.get("userAccuracy"),
        "user_latitude": str(row["userLatitude"]) if "userLatitude" in row else None,
        "user_longitude": str(row["userLongitude"]) if "userLongitude" in row else None,
        "valid_matched": True,
    }
    return {name: value for name, value in record.items() if value is not None}
