"""Why there is nothing to explain: the error for a person-day or a visit that is not published."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from fieldwork.errors import ConfigError
from fieldwork.warehouse.schema import core, ops


def no_day(connection: sa.Connection, employee_id: str, work_date: date) -> ConfigError:
    """Why there is nothing to explain."""
    e, t = core.employee.c, ops.touched.c
    person = connection.execute(sa.select(e.hired_on, e.left_on).where(e.employee_id == employee_id)).one_or_none()
    if person is None:
        return ConfigError(
            f"There is no employee {employee_id}.", todo="Employee ids stand in report.performance_day.employee_id."
        )
    if not (person.hired_on or work_date) <= work_date <= (person.left_on or work_date):
        return ConfigError(
            f"{employee_id} was not employed on {work_date}: a day outside employment has no row.",
            todo="Choose a day from hired_on to left_on, both included.",
        )
    waits = connection.execute(
        sa.select(t.reason).where(t.employee_id == employee_id, t.work_date == work_date)
    ).scalar_one_or_none()
    why = f"it waits to be computed ({waits} changed)" if waits else "it was not computed yet"
    return ConfigError(
        f"{work_date} of {employee_id} is not published: {why}.",
        todo="Run its day: `fieldwork run --since … --until …`; a day is computed once its punches are read.",
    )


def no_visit(connection: sa.Connection, visit_id: str) -> ConfigError:
    """Why a visit was not checked."""
    v = core.visit.c
    row = connection.execute(
        sa.select(v.status, v.deleted, v.planned_start).where(v.visit_id == visit_id)
    ).one_or_none()
    if row is None:
        held = sa.select(ops.quarantine.c.rule).where(
            ops.quarantine.c.stream == "visits",
            ops.quarantine.c.key == visit_id,
            ops.quarantine.c.status != "superseded",
        )
        rule = connection.execute(held.limit(1)).scalar_one_or_none()
        why = f"it is set aside by {rule}" if rule else "no visit of this id was loaded"
    elif row.deleted or row.status == "cancelled":
        why = f"it is {'deleted' if row.deleted else 'cancelled'} in the CRM, so it is not checked"
    elif row.planned_start is None:
        why = "it has no planned start, so it belongs to no day"
    else:
        why = f"its day ({row.planned_start:%Y-%m-%d}, UTC) is not published yet"
    return ConfigError(
        f"The visit {visit_id} is not published: {why}.", todo="See report.visit_check for those that are."
    )
