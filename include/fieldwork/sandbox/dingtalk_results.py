"""打卡结果: one row per planned punch, with NotSigned where nobody punched.

Planned is, in the sandbox, what the office shift asks of everyone on working days of mainland China between hiring
and leaving, within the company's span; ``base_at`` of the punches moves the reference time.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any, Final

import orjson

from fieldwork.sandbox.company import Company
from fieldwork.sandbox.dingtalk_people import SHANGHAI, midnight
from fieldwork.sandbox.dingtalk_rows import Shelf, wire_id

SLOTS: Final = (("OnDuty", time(9)), ("OffDuty", time(18)))
DAY_MS: Final = 86_400_000


class Results:
    """Result rows, worked out when asked."""

    def __init__(self, company: Company, shelf: Shelf) -> None:
        self._since, self._until = company.since, company.until
        self._shelf = shelf
        self._employed = {
            row["user_id"]: (row["hired_on"] or date.min, row["left_on"] or date.max)
            for row in company.tables["employees"].to_pylist()
        }

    def rows(self, users: Iterable[str], first: date, last: date) -> list[dict[str, Any]]:
        """Rows of these users from ``first`` to ``last`` (inclusive), by user, day, slot; none for unknown ones."""
        return [row for user in users if user in self._employed for row in self._of(user, first, last)]

    def _of(self, user: str, first: date, last: date) -> list[dict[str, Any]]:
        hired, left = self._employed[user]
        rows = []
        day = max(first, self._since, hired)
        while day <= min(last, self._until - timedelta(days=1), left):
            if _is_working_day(day):
                rows += self._day(user, day)
            day += timedelta(days=1)
        return rows

    def _day(self, user: str, day: date) -> list[dict[str, Any]]:
        start = midnight(day)
        inside = self._shelf.read(self._shelf.between([user], start - DAY_MS, start + 2 * DAY_MS))
        punches = [row for row in orjson.loads(b"[" + inside + b"]") if _work_date(row) == start]
        return [_slot(user, day, check, at, punches) for check, at in SLOTS]


def _slot(user: str, day: date, check: str, at: time, punches: list[dict[str, Any]]) -> dict[str, Any]:
    planned = int(datetime.combine(day, at, SHANGHAI).timestamp() * 1000)
    mine = [row for row in punches if row.get("checkType") == check]
    row: dict[str, Any] = {
        "id": wire_id(f"result:{user}:{day}:{check}"),
        "userId": user,
        "workDate": midnight(day),
        "checkType": check,
        "planId": wire_id(f"plan:{user}:{day}:{check}"),
        "groupId": 1,
    }
    if not mine:
        missing = {"timeResult": "NotSigned", "locationResult": "NotSigned", "sourceType": "SYSTEM"}
        return {**row, **missing, "baseCheckTime": planned, "userCheckTime": planned}
    punch = mine[0] if check == "OnDuty" else mine[-1]
    copied = ("timeResult", "locationResult", "sourceType", "userCheckTime")
    base = punch.get("baseCheckTime", planned)
    return {**row, **{name: punch[name] for name in copied}, "baseCheckTime": base, "recordId": punch["id"]}


def _work_date(row: dict[str, Any]) -> int | None:
    at = row.get("userCheckTime")
    return row.get("workDate") or (midnight(datetime.fromtimestamp(at / 1000, SHANGHAI).date()) if at else None)


def _is_working_day(day: date) -> bool:
    import chinese_calendar

    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return day.weekday() < 5
