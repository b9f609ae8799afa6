"""What the CRM should hold, as one select a kind: key, person, day and payload of every published row.

Payloads are JSON of one form for each type, so that what is wanted, what was sent and what stands in the CRM can be
compared value by value in SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from fieldwork.streams import DAY, INSTANT, MONEY, NUMBER, TEXT
from fieldwork.warehouse.schema import core, mart

from .fields import COLUMNS, FIELDS


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of record: the published rows that it is made from, and the key that finds it in the CRM.

    ``key_of`` gives the key of a row; ``found`` is the condition that a row has the key in a text column, written so
    that an index serves it.
    """

    name: str
    rows: sa.Table
    key_of: sa.ColumnElement[str]

    def found(self, key: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
        """The row that has this key."""
        if self.name == "visit":
            return self.rows.c.visit_id == key
        # '<employee_id>:<work_date>', and an employee_id may hold a colon
        person = sa.func.left(key, -len(":YYYY-MM-DD"))
        day = sa.cast(sa.func.right(key, len("YYYY-MM-DD")), sa.Date)
        return sa.and_(self.rows.c.employee_id == person, self.rows.c.work_date == day)

    @property
    def has_owner(self) -> bool:
        """Whether the record names the person's CRM user."""
        return any(column.table is core.crm_user for column in COLUMNS[self.name].values())


_performance: Final = mart.performance_day.c

KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind("visit", mart.visit_check, mart.visit_check.c.visit_id),
        Kind(
            "performance",
            mart.performance_day,
            _performance.employee_id + ":" + sa.func.to_char(_performance.work_date, "YYYY-MM-DD"),
        ),
    )
}


def owners() -> sa.CTE:
    """Each person's active CRM user, the first by id if there are several."""
    user = core.crm_user.c
    return (
        sa.select(user.employee_id, sa.func.min(user.crm_user_id).label("crm_user_id"))
        .where(user.active, user.employee_id.is_not(None))
        .group_by(user.employee_id)
        .cte("owner")
    )


def wanted(kind: Kind, fields: Sequence[str]) -> sa.Select[Any]:
    """``key``, ``employee_id``, ``day``, ``payload`` of every published row; the caller narrows it down."""
    rows, owner = kind.rows, owners()
    source = rows.outerjoin(owner, rows.c.employee_id == owner.c.employee_id) if kind.has_owner else rows
    values: dict[str, sa.ColumnElement[Any]] = {}
    for name in fields:
        column = COLUMNS[kind.name][name]
        values[name] = rows.c[column.name] if column.table is rows else owner.c[column.name]
    columns: list[sa.ColumnElement[Any]] = [kind.key_of, rows.c.employee_id, rows.c.work_date]
    return sa.select(*columns, payload(kind.name, values)).select_from(source)


def payload(kind: str, values: dict[str, sa.ColumnElement[Any]]) -> sa.ColumnElement[Any]:
    """Columns as one JSON object, each value in the form of its type."""
    pairs = [
        part for name, value in values.items() for part in (sa.literal(name), canonical(value, FIELDS[kind][name]))
    ]
    return sa.type_coerce(sa.func.jsonb_build_object(*pairs), JSONB)


def canonical(value: sa.ColumnElement[Any], kind: pa.DataType) -> sa.ColumnElement[Any]:
    """One value in the form in which it is compared: instants to the second, in UTC; no empty texts; two decimals."""
    if kind == TEXT:
        return sa.func.nullif(value, "")
    if kind == INSTANT:
        return sa.func.to_char(sa.func.timezone("UTC", value), 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    if kind == DAY:
        return sa.func.to_char(value, "YYYY-MM-DD")
    if kind == NUMBER:
        return sa.func.round(sa.cast(value, sa.Numeric), 2)
    return sa.cast(value, sa.Numeric(18, 2) if kind == MONEY else sa.BigInteger)
