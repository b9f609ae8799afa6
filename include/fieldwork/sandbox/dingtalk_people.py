"""Employees as DingTalk's address book: departments and their members.

Every team is a department right under the root; a person stands in one department, those without a team in the root.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson
import pyarrow as pa

ROOT: Final = 1
FIRST_DEPARTMENT: Final = 1001
SHANGHAI: Final = ZoneInfo("Asia/Shanghai")


class AddressBook:
    """Departments by id and members by department."""

    def __init__(self, employees: pa.Table) -> None:
        rows = [row for row in employees.to_pylist() if row["user_id"]]
        teams = sorted({row["team"] for row in rows if row["team"]})
        self._departments = {name: FIRST_DEPARTMENT + i for i, name in enumerate(teams)}
        self._members: dict[int, list[dict[str, Any]]] = {
            department: [] for department in (ROOT, *self._departments.values())
        }
        for row in rows:
            department = self._departments.get(row["team"], ROOT)
            self._members[department].append(_user(row, department))
        self.users = {row["user_id"] for row in rows}

    def subdepartments(self, department: int) -> list[dict[str, Any]] | None:
        """The departments right under this one; None when it does not exist."""
        if department not in self._members:
            return None
        if department != ROOT:
            return []
        return [
            {"dept_id": number, "name": name, "parent_id": ROOT, "create_dept_group": True, "auto_add_user": True}
            for name, number in self._departments.items()
        ]

    def members(self, department: int) -> list[dict[str, Any]] | None:
        """The users of exactly this department; None when it does not exist."""
        return self._members.get(department)


def midnight(day: date) -> int:
    """A day's start in Shanghai, ms since 1970."""
    return int(datetime.combine(day, time(), SHANGHAI).timestamp() * 1000)


def _user(row: dict[str, Any], department: int) -> dict[str, Any]:
    """One member; what is unknown is absent.

    DingTalk drops leavers from its lists. The sandbox keeps them, with the day they left among the custom attributes
    (``extension``), so that a fresh warehouse knows whose the last days were. That ``manager_userid`` stands in the
    list, and not only in the details of one user, is UNCONFIRMED.
    """
    user = {
        "userid": row["user_id"],
        "unionid": f"union-{row['user_id']}",
        "name": row["name"],
        "job_number": row["employee_no"],
        "mobile": row["mobile"],
        "state_code": "86" if row["mobile"] else None,
        "email": row["email"],
        "dept_id_list": [department],
        "manager_userid": row["manager_user_id"],
        "hired_date": midnight(row["hired_on"]) if row["hired_on"] else None,
        "extension": orjson.dumps({"left_on": row["left_on"]}).decode() if row["left_on"] else None,
        "active": True,
        "admin": False,
        "boss": False,
    }
    return {name: value for name, value in user.items() if value is not None}
