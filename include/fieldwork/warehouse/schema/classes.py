"""What kind of thing a column holds, said once for each column, whatever it is called.

The class stands on the column itself (``column.info["holds"]``), so that a field made from it is judged by what it
holds and not by its name. What may leave for another system is ``WORK`` alone: a column that nobody has classified
stays here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Column

from .core import account, crm_user, employee, punch, punch_place
from .mart import BUILD, HISTORY, attendance_day, performance_day, uncounted_punch, unmatched_check_in, visit_check

#: About the work: which record, which day, how many, how well. May leave for the CRM.
WORK: Final = "work"
#: Where somebody was: coordinates, distances, addresses, devices.
PLACE: Final = "place"
#: Who somebody is, and how to reach them.
CONTACT: Final = "contact"
#: What pay is computed from.
PAY: Final = "pay"

_HOLDS: Final[dict[str, tuple[Column[object], ...]]] = {
    PLACE: (
        account.c.latitude,
        account.c.longitude,
        account.c.radius_m,
        punch.c.device_id,
        punch_place.c.latitude,
        punch_place.c.longitude,
        punch_place.c.accuracy_m,
        punch_place.c.place,
        visit_check.c.distance_m,
        visit_check.c.accuracy_m,
        visit_check.c.radius_m,
        visit_check.c.score,
        visit_check.c.signals,
        visit_check.c.stayed_minutes,
        visit_check.c.stayed_at_most_minutes,
        unmatched_check_in.c.account_id,
        unmatched_check_in.c.distance_m,
        unmatched_check_in.c.accuracy_m,
        unmatched_check_in.c.reason,
        unmatched_check_in.c.signals,
    ),
    CONTACT: (
        employee.c.name,
        employee.c.mobile,
        employee.c.email,
        crm_user.c.name,
        crm_user.c.mobile,
        crm_user.c.email,
        account.c.name,
    ),
    PAY: (
        attendance_day.c.first_in,
        attendance_day.c.last_out,
        attendance_day.c.worked_minutes,
        attendance_day.c.late_minutes,
        attendance_day.c.early_minutes,
        attendance_day.c.overtime_minutes,
        attendance_day.c.leave_minutes,
        attendance_day.c.trip_minutes,
        attendance_day.c.attended_minutes,
        attendance_day.c.missed_minutes,
        attendance_day.c.norm_minutes,
        attendance_day.c.planned_minutes,
        performance_day.c.worked_minutes,
        performance_day.c.late_minutes,
        performance_day.c.early_minutes,
        performance_day.c.overtime_minutes,
        performance_day.c.exposure_minutes,
        uncounted_punch.c.punched_at,
    ),
    WORK: (
        crm_user.c.crm_user_id,
        visit_check.c.visit_id,
        visit_check.c.work_date,
        visit_check.c.checked_in_at,
        visit_check.c.minutes_off,
        visit_check.c.verdict,
        visit_check.c.reason_code,
        # A sentence for the supervisor: it tells metres from the customer whose visit it is, and no place beside that.
        visit_check.c.reason,
        visit_check.c.rule_version,
        performance_day.c.work_date,
        performance_day.c.status,
        performance_day.c.visits_planned,
        performance_day.c.visits_done,
        performance_day.c.visits_verified,
        performance_day.c.tasks_due,
        performance_day.c.tasks_on_time,
        performance_day.c.follow_ups,
        performance_day.c.opportunities_created,
        performance_day.c.opportunities_won,
        performance_day.c.amount_won,
        performance_day.c.performance_index,
        performance_day.c.rule_version,
    ),
}


def holds(column: Column[object]) -> str | None:
    """The column's class; None = nobody has said."""
    found = column.info.get("holds")
    return str(found) if found else None


def _copies(column: Column[object]) -> Iterable[Column[object]]:
    """The column itself, and its twins in the tables that repeat the joined dataset."""
    yield column
    if column.table.schema == "mart":
        for tables in (BUILD, HISTORY):
            yield tables[column.table.name].c[column.name]


for _class, _columns in _HOLDS.items():
    for _column in _columns:
        for _one in _copies(_column):
            _one.info["holds"] = _class
