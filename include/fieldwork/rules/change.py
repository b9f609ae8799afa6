"""Which published person-days a changed configuration concerns: those whose plan or rules are others than before.

``watch`` before the tables of ``ref`` are written, ``find`` after it, in one transaction. What is compared is all that
the build knows of a day before it looks at facts (``plan_print.sql``), so whatever may be configured is seen: rules,
shifts, rosters and patterns, single dates of ``roster.csv``, hours systems, the company's own days.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import sqlalchemy as sa

from fieldwork.warehouse.schema import ops

from . import sql

#: Published days, days that a run has built and not published yet (in quotes: a rehearsal means them too), and the days
#: outside employment beside published ones: a punch may come to belong to them.
_CANDIDATES: Final = """
create temporary table run_day on commit drop as
select employee_id, work_date from mart.attendance_day where work_date >= cast(:first_day as date) - 1
union
select employee_id, work_date from mart.uncounted_punch where work_date >= cast(:first_day as date) - 1
union
select employee_id, work_date from "build"."person_day" where work_date >= cast(:first_day as date) - 1
union
select e.employee_id, beside.work_date
from core.employee as e
cross join lateral (values (e.hired_on - 1, e.hired_on), (e.left_on + 1, e.left_on)) as beside (work_date, employed_on)
join mart.attendance_day as m on e.employee_id = m.employee_id and beside.employed_on = m.work_date
where beside.work_date >= cast(:first_day as date) - 1
union
select p.employee_id, beside.work_date
from ref.post as p
cross join lateral (
    values (p.valid_from - 1, p.valid_from), (p.valid_to, p.valid_to - 1)
) as beside (work_date, employed_on)
join mart.attendance_day as m on p.employee_id = m.employee_id and beside.employed_on = m.work_date
where beside.work_date >= cast(:first_day as date) - 1
"""
_BEFORE: Final = (
    "alter table plan_print rename to plan_before",
    """
    create temporary table shift_before on commit drop as
    select work_date, md5(string_agg(s::text, '|' order by shift, half)) as shifts
    from ref.shift_day as s
    where work_date >= (select min(work_date) from run_day)
    group by work_date
    """,
    "create temporary table concerned_day (employee_id text, work_date date) on commit drop",
)
_TOUCH: Final = """
insert into ops.touched (employee_id, work_date, seq, reason, noted_at)
select employee_id, work_date, nextval('ops.touch_seq'), :reason, now()
from concerned_day
order by employee_id, work_date
on conflict (employee_id, work_date) do update
    set seq = excluded.seq, reason = excluded.reason, noted_at = excluded.noted_at
"""


def watch(connection: sa.Connection, first_day: date) -> None:
    """Remember the plans of the published days from the eve of ``first_day`` on."""
    connection.execute(sa.text(_CANDIDATES), {"first_day": first_day})
    connection.execute(sa.text("analyze run_day"))
    _print(connection)
    for statement in _BEFORE:
        connection.execute(sa.text(statement))


def find(connection: sa.Connection) -> int:
    """Fill ``concerned_day``; returns how many person-days."""
    _print(connection)
    found = connection.execute(sa.text(sql.read("concerned_day"))).rowcount
    for name in ("run_day", "plan_print", "plan_before", "shift_before"):
        connection.execute(sa.text(f"drop table {name}"))
    connection.execute(sa.text("analyze concerned_day"))
    return found


def reaches(connection: sa.Connection, first_day: date) -> bool:
    """Is a person-day concerned that lies on this day, its eve or later?"""
    query = "select exists (select from concerned_day where work_date >= cast(:first_day as date) - 1)"
    return bool(connection.scalar(sa.text(query), {"first_day": first_day}))


def touch(connection: sa.Connection, reason: str) -> None:
    """Note the concerned person-days as touched."""
    connection.execute(sa.text(_TOUCH), {"reason": reason})


def months(connection: sa.Connection) -> list[tuple[date, date]]:
    """The months in which a concerned person-day lies: first day, and first day of the next."""
    return _months(connection, sa.table("concerned_day", sa.column("work_date")), sa.true())


def waiting(connection: sa.Connection, reason: str) -> list[tuple[date, date]]:
    """The months in which a person-day waits that was touched for this reason."""
    return _months(connection, ops.touched, ops.touched.c.reason == reason)


def _print(connection: sa.Connection) -> None:
    connection.execute(sa.text(sql.read("planned_day")))
    connection.execute(sa.text("analyze planned_day"))
    connection.execute(sa.text(sql.read("plan_print")))
    connection.execute(sa.text("analyze plan_print"))
    connection.execute(sa.text("drop table planned_day"))


def _months(connection: sa.Connection, days: sa.FromClause, which: sa.ColumnElement[bool]) -> list[tuple[date, date]]:
    month = sa.func.date_trunc("month", sa.cast(days.c.work_date, sa.DateTime))
    after = sa.cast(month + sa.text("interval '1 month'"), sa.Date)
    query = sa.select(sa.cast(month, sa.Date), after).select_from(days).where(which).distinct().order_by(sa.text("1"))
    return [(first, next_first) for first, next_first in connection.execute(query)]
