"""The working day that a punch belongs to: one rule, asked by the load (which days are touched) and by the build."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from . import sql

#: ref.planned_shift joins more tables than the planner puts in order by itself
_TABLES: Final = "12"


def touch(connection: sa.Connection) -> None:
    """Note in ``touch`` the person-days of the punches in ``delta``, as they were and as they are."""
    for limit in ("join_collapse_limit", "from_collapse_limit"):
        connection.execute(sa.select(sa.func.set_config(limit, _TABLES, True)))
    connection.execute(
        sa.text(
            "insert into touch (employee_id, work_date) "  # noqa: S608 - our own statement
            "with incoming_punch as (select employee_id, punched_at, kind, work_date, base_at from delta) "
            f"select employee_id, work_date from ({touched()}) as of_delta"
        )
    )


def of_each_punch() -> str:
    """A select of all columns of ``incoming_punch`` with ``local_date`` and ``working_day`` added.

    The caller provides ``incoming_punch`` (employee_id, punched_at, kind, work_date and base_at as the source states
    them, ...) as a temporary table or as a named query around this one. The rule is told in working_day.sql.
    """
    return sql.read("working_day")


def touched() -> str:
    """A select of the (employee_id, work_date) that the punches of ``incoming_punch`` may change, each once.

    These are their working days and, of check-ins, their dates too: they may prove visits of the date.
    """
    placed = f"(\n{of_each_punch()}\n) as punch"
    dates = "(values (working_day), (case when kind = 'field' then local_date end)) as day (work_date)"
    return (
        "select distinct punch.employee_id, day.work_date "  # noqa: S608 - our own file
        f"from {placed} cross join lateral {dates} where day.work_date is not null"
    )


def of_each_punch_once() -> str:
    """The same with ``again``: the punch is a near-duplicate of the one before it (near_duplicate.sql)."""
    return f"with placed as (\n{of_each_punch()}\n)\n{sql.read('near_duplicate')}"


def astray() -> str:
    """A select of the (employee_id, work_date) to which the source gives a punch that the roster gives to another day.

    Asked when ``day_punch`` and ``planned_day`` are there (stated_punch.sql).
    """
    return (
        f"with incoming_punch as (\n{sql.read('stated_punch')}\n) "  # noqa: S608 - our own files
        f"select distinct employee_id, stated_day as work_date from (\n{of_each_punch()}\n) as by_roster "
        "where working_day <> stated_day"
    )
