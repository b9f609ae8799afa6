"""A company of a handful of rows, written by hand, for the tests of the servers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from fieldwork.sandbox.company import Company
from fieldwork.streams import STREAMS

MONDAY = date(2026, 11, 2)


def at(text: str) -> datetime:
    """An instant written in Shanghai's wall clock: ``2026-11-02 09:00``."""
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


def ms(text: str) -> int:
    """The same as DingTalk's milliseconds."""
    return int(at(text).timestamp() * 1000)


def table(stream: str, rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Canonical rows; what is not given is null."""
    schema = pa.schema(list(STREAMS[stream].column_types.items()))
    return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema=schema)


def company(**streams: Sequence[dict[str, Any]]) -> Company:
    """Two weeks of a company with these rows."""
    tables = {name: table(name, streams.get(name, ())) for name in STREAMS}
    return Company("Small", MONDAY, MONDAY + timedelta(days=14), tables)


def staff(count: int) -> list[dict[str, Any]]:
    """``u0``, ``u1``, … of two teams."""
    return [
        {"user_id": f"u{i}", "employee_no": f"{i:03d}", "name": f"员工{i}", "team": "东" if i % 2 else "西"}
        for i in range(count)
    ]


def visits(count: int) -> list[dict[str, Any]]:
    """Visits of one owner and account, one modified each second from 1 November on."""
    return [
        {
            "visit_id": f"00U{i:04d}",
            "owner_id": "005A",
            "account_id": "001A",
            "planned_start": at("2026-11-02 14:00:00"),
            "planned_end": at("2026-11-02 15:00:00"),
            "status": "planned",
            "modified_at": at("2026-11-01 08:00:00") + timedelta(seconds=i),
            "deleted": False,
        }
        for i in range(count)
    ]


USERS = [
    {
        "crm_user_id": "005A", "employee_no": "000", "name": "员工0", "email": "a@example.cn", "active": True,
        "modified_at": at("2026-10-01 08:00:00"),
    }
]  # fmt: skip
ACCOUNTS = [
    {
        "account_id": "001A", "name": "客户甲", "owner_id": "005A", "latitude": 31.2, "longitude": 121.4,
        "modified_at": at("2026-10-01 08:00:00"),
    }
]  # fmt: skip
