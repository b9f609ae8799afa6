"""Why there is nothing to explain: the error for a person-day, a visit or a punch that is not published."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from fieldwork.errors import ConfigError
from fieldwork.warehouse.schema import core, mart, ops, ref


def no_day(connection: sa.Connection, employee_id: str, work_date: date) -> ConfigError:
    """Why there is nothing to explain."""
    e, t = core.employee.c, ops.touched.c
    person = connection.execute(sa.select(e.hired_on, e.left_on).where(e.employee_id == employee_id)).one_or_none()
    if person is None:
        return ConfigError(
            f"There is no employee {employee_id}.", todo="Employee ids stand in report.performance_day.employee_id."
        )
    p = ref.post.c
    earlier = sa.exists().where(
        p.employee_id == employee_id, p.valid_from <= work_date, sa.or_(p.valid_to.is_(None), p.valid_to > work_date)
    )
    now = (person.hired_on or work_date) <= work_date <= (person.left_on or work_date)
    if not now and not connection.execute(sa.select(earlier)).scalar():
        return ConfigError(
            f"{employee_id} was not employed on {work_date}: a day outside employment has no row.",
            todo="Choose a day of report.post: from hired_on to left_on, both included, or of an earlier employment.",
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
        why = _set_aside(connection, "visits", visit_id) or "no visit of this id was loaded"
    elif row.deleted or row.status == "cancelled":
        why = f"it is {'deleted' if row.deleted else 'cancelled'} in the CRM, so it is not checked"
    elif row.planned_start is None:
        why = "it has no planned start, so it belongs to no day"
    else:
        why = f"its day ({row.planned_start:%Y-%m-%d}, UTC) is not published yet"
    return ConfigError(
        f"The visit {visit_id} is not published: {why}.", todo="See report.visit_check for those that are."
    )


def no_punch(connection: sa.Connection, record_id: str) -> ConfigError:
    """Why a punch is neither a check-in that proves no visit nor one that counts nowhere."""
    p, v = core.punch.c, mart.visit_check.c
    spoken = sa.select(v.visit_id).where(v.record_id == record_id).order_by(v.visit_id).limit(1)
    visit_id = connection.execute(spoken).scalar_one_or_none()
    if visit_id is not None:
        return ConfigError(
            f"The check-in {record_id} speaks for the visit {visit_id}.",
            todo=f"See `fieldwork explain visit {visit_id}`.",
        )
    row = connection.execute(
        sa.select(p.employee_id, p.kind, p.punched_at).where(p.record_id == record_id).limit(1)
    ).one_or_none()
    if row is None:
        why = _set_aside(connection, "punches", record_id) or "no punch of this id was loaded"
        return ConfigError(f"There is no punch {record_id}: {why}.", todo="Record ids are those of core.punch.")
    if row.kind == "field":
        why = "it is a near-duplicate of another check-in, or its day is not published yet"
    else:
        why = "it is no field check-in: it counts in its working day, if that is published"
    return ConfigError(
        f"There is nothing to explain about the punch {record_id} ({row.punched_at:%F %H:%M} UTC): {why}.",
        todo=f"See its day: `fieldwork explain performance {row.employee_id} …`.",
    )


def _set_aside(connection: sa.Connection, stream: str, key: str) -> str | None:
    """By which rule the record is in quarantine."""
    q = ops.quarantine.c
    held = sa.select(q.rule).where(q.stream == stream, q.key == key, q.status != "superseded")
    rule = connection.execute(held.limit(1)).scalar_one_or_none()
    return f"it is set aside by {rule}" if rule else None
