"""Approved leave, trips, outings and overtime as DingTalk tells of them: in two calls, neither of which is enough.

``getleavestatus`` finds spans for many users and months but has no id and no kind; ``getupdatedata`` has both, for one
user and one day. That the first lists trips, outings and overtime beside leave is the sandbox's choice (UNCONFIRMED).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Final

import pyarrow as pa

from fieldwork.sandbox.dingtalk_people import SHANGHAI, midnight

#: canonical kind: the vendor's tag and business type
TAGS: Final = {"leave": ("请假", 3), "trip": ("出差", 2), "out": ("外出", 2), "overtime": ("加班", 1)}
#: getleavestatus: hundredths of an hour
PERCENT_HOUR: Final = 36_000


class Approvals:
    """Approvals by user, in the order of their start."""

    def __init__(self, leave: pa.Table) -> None:
        self._of: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in leave.to_pylist():
            if row["user_id"] and row["start_at"] and row["end_at"]:
                self._of[row["user_id"]].append(row)
        for rows in self._of.values():
            rows.sort(key=lambda row: (row["start_at"], row["approval_id"] or ""))

    def status(self, users: Iterable[str], start: int, end: int) -> list[dict[str, Any]]:
        """Rows of 查询请假状态: approvals that overlap ``[start, end]`` (ms), whole, by user and start."""
        return [
            {
                "userid": user,
                "start_time": first,
                "end_time": last,
                "duration_percent": (last - first) // PERCENT_HOUR,
                "duration_unit": "percent_hour",
                "leave_code": blake2b((row["kind"] or "").encode(), digest_size=8).hexdigest(),
            }
            for user in sorted(set(users))
            for row in self._of.get(user, ())
            for first, last in [(_ms(row["start_at"]), _ms(row["end_at"]))]
            if first <= end and last >= start
        ]

    def on_day(self, user: str, day: datetime) -> list[dict[str, Any]]:
        """``approve_list`` of 获取用户考勤数据: approvals that overlap the calendar day, whole."""
        start, end = midnight(day.date()), midnight(day.date() + timedelta(days=1))
        return [
            _approval(row)
            for row in self._of.get(user, ())
            if _ms(row["start_at"]) < end and max(_ms(row["end_at"]), _ms(row["start_at"]) + 1) > start
        ]


def local_text(instant: datetime) -> str:
    """``yyyy-MM-dd HH:mm:ss`` in Shanghai."""
    return f"{instant.astimezone(SHANGHAI):%F %T}"


def _approval(row: dict[str, Any]) -> dict[str, Any]:
    kind = row["kind"] or ""
    tag, business = TAGS.get(kind, (kind, 3))
    hours = (row["end_at"] - row["start_at"]).total_seconds() / 3600
    return {
        "procInst_id": row["approval_id"],
        "tag_name": tag,
        "sub_type": tag,
        "biz_type": business,
        "begin_time": local_text(row["start_at"]),
        "end_time": local_text(row["end_at"]),
        "duration": f"{hours:.2f}",
        "duration_unit": "HOUR",
        "gmt_finished": local_text(row["start_at"]),
    }


def _ms(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)
