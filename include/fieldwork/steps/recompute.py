"""Compute one person-day once more over tables that hold its source rows and no others.

If a value comes out as it was published, the listed rows explain it: nothing else went into it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.warehouse.elsewhere import TEMPORARY, copy_empty, drop_temporary, redirect
from fieldwork.warehouse.schema import core, metadata

from .difference import DIFFERENCE
from .scratch import compute_days

#: Asks for the one day.
ASK: Final = "insert into asked_day (employee_id, work_date) values (:employee_id, :work_date)"
#: Where the rows of each kind of source are, and the column beside the person that names one.
_FACTS: Final[Mapping[sa.Table, str]] = {
    core.punch: "record_id",
    core.punch_place: "record_id",
    core.leave: "approval_id",
    core.visit: "visit_id",
    core.account: "account_id",
    core.task: "task_id",
    core.opportunity: "opportunity_id",
}
_KINDS: Final[Mapping[str, Sequence[sa.Table]]] = {
    "punch": (core.punch, core.punch_place),
    "check_in": (core.punch, core.punch_place),
    "leave": (core.leave,),
    "visit": (core.visit,),
    "account": (core.account,),
    "task": (core.task,),
    "opportunity": (core.opportunity,),
}
#: The tables of facts and people; temporary ones of the same names stand for them when a day is computed again.
_ORIGINALS: Final = [table for table in metadata.tables.values() if table.schema in ("core", "place")]
_COPIES: Final = frozenset(table.name for table in _ORIGINALS)
_SOURCE_ROW: Final = "create temporary table source_row (kind text, record_id text) on commit drop"


def list_sources(connection: sa.Connection, day: Mapping[str, Any]) -> dict[str, list[str]]:
    """The ids of the source rows by kind, of the build that was made last."""
    connection.execute(sa.text(_SOURCE_ROW))
    connection.execute(sa.text(files(__package__).joinpath("explain_source.sql").read_text(encoding="utf-8")), day)
    found: dict[str, list[str]] = {}
    for kind, record_id in connection.execute(sa.text("select kind, record_id from source_row")).tuples():
        found.setdefault(kind, []).append(record_id)
    return found


def compute_again(
    connection: sa.Connection,
    tables: Sequence[sa.Table],
    day: Mapping[str, Any],
    own: Mapping[str, Any],
    kinds_of_columns: Iterable[tuple[str, ...]],
    used: Mapping[str, Sequence[str]],
) -> dict[tuple[str, ...], dict[tuple[str, str], str | None]]:
    """Values by (dataset, column), computed from the rows of each set of kinds that some column is made of.

    ``own``: the column, beside the person, that names the row in ``tables``, with its value.
    """
    redirect(connection, {"core": TEMPORARY, "place": TEMPORARY})
    found = {}
    for kinds in dict.fromkeys(kinds_of_columns):
        drop_temporary(connection, but=frozenset({DIFFERENCE.name}))
        copy_empty(connection, *_ORIGINALS)
        for table in _ORIGINALS:
            ids = [i for kind in kinds if table in _KINDS[kind] for i in used.get(kind, [])]
            _copy_rows(connection, table, str(day["employee_id"]), ids)
        compute_days(connection, (ASK, dict(day)), keep=_COPIES)
        found[kinds] = _values(connection, tables, {"employee_id": day["employee_id"], **own})
    return found


def _copy_rows(connection: sa.Connection, table: sa.Table, employee_id: str, ids: Sequence[str]) -> None:
    """Into the temporary table: of facts the rows of these ids, of other tables those of the person."""
    conditions = ["employee_id = :employee_id"] if "employee_id" in table.c else []
    if table in _FACTS:
        conditions.append(f"{_FACTS[table]} = any(:ids)")
    connection.execute(
        sa.text(  # in quotes the original is meant, see elsewhere.py
            f'insert into pg_temp."{table.name}" select * from "{table.schema}"."{table.name}"'  # noqa: S608 - our names
            f" where {' and '.join(conditions) or 'true'}"
        ),
        {"employee_id": employee_id, "ids": list(ids)},
    )


def _values(
    connection: sa.Connection, tables: Sequence[sa.Table], key: Mapping[str, Any]
) -> dict[tuple[str, str], str | None]:
    """Every value of the computed rows, as the warehouse writes it."""
    same = " and ".join(f"b.{name} = :{name}" for name in key)
    found = {}
    for table in tables:
        query = sa.text(
            "select field.key, field.value from "  # noqa: S608 - our names
            f"build.{table.name} as b cross join lateral jsonb_each_text(to_jsonb(b)) as field where {same}"
        )
        for name, value in connection.execute(query, dict(key)).tuples():
            found[table.name, name] = value
    return found
