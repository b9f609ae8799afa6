"""``core`` and ``place``: current records by stream. Every fact's primary key starts with ``employee_id``."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Computed, Date, Double, Index, Numeric, Text

from .base import INSTANT, key, may, must, table

#: Rows of 1/200 degree (about 556 m) from the south pole on, 72,000 columns each from the date line on.
_CELL = (
    "case when latitude between -90 and 90 and longitude between -180 and 180 and (latitude <> 0 or longitude <> 0) "
    "then (floor((latitude + 90) * 200) * 72000 + floor((longitude + 180) * 200))::bigint end"
)


def _origin() -> list[object]:
    return [
        must("system", Text, "The outside system that gave the row"),
        must("batch_id", BigInteger, "The batch that last changed the row (ops.batch)"),
        must("loaded_at", INSTANT, "When that batch was loaded"),
    ]


EMPLOYEE = key("employee_id", Text, "The person: employee number where there is one, else system:user id")

employee = table(
    "core.employee",
    "People who may punch, as of the last full read",
    EMPLOYEE._copy(),
    must("user_id", Text, "The person's id in the attendance system"),
    may("employee_no", Text, "Employee number (工号), text: 001 is not 1"),
    may("name", Text, "The person's name"),
    may("team", Text, "The team or department now; what was earlier is in ref.post"),
    may("manager_user_id", Text, "The manager's id in the attendance system, now"),
    may("mobile", Text, "Mobile number, digits with country code"),
    may("email", Text, "E-mail, lower case"),
    may("hired_on", Date, "First day of employment; null = before all records; an earlier one is in ref.post"),
    may("left_on", Date, "Last day of employment; null = still here"),
    may("missing_since", INSTANT, "When a full read first lacked the person; null = still listed"),
    may("same_as", Text, "The person that this one turned out to be; then employed on no day, and left out everywhere"),
    *_origin(),
    Index(None, "system", "user_id"),  # not unique: a leaver's id may be a newcomer's now
)

crm_user = table(
    "core.crm_user",
    "CRM users who own records",
    key("crm_user_id", Text, "The user's id in the CRM"),
    may("employee_id", Text, "The person this user is today; null = not known"),
    may("employee_no", Text, "Employee number in the CRM"),
    may("name", Text, "The user's name"),
    may("email", Text, "E-mail, lower case"),
    may("mobile", Text, "Mobile number, digits with country code"),
    may("manager_id", Text, "The manager's CRM user id"),
    may("active", Boolean, "May the user log in"),
    may("modified_at", INSTANT, "The CRM's modified stamp"),
    may("missing_since", INSTANT, "When the CRM was found to have the user no more; null = there"),
    *_origin(),
)

account = table(
    "core.account",
    "Customers and where they are",
    key("account_id", Text, "The customer's id in the CRM"),
    may("name", Text, "The customer's name"),
    may("owner_id", Text, "The CRM user who owns the account"),
    may("latitude", Double, "Degrees, WGS-84; null = unknown"),
    may("longitude", Double, "Degrees, WGS-84; null = unknown"),
    may("radius_m", Double, "The account's own geofence in metres; null = the default radius"),
    may("modified_at", INSTANT, "The CRM's modified stamp"),
    may("missing_since", INSTANT, "When the CRM was found to have the customer no more; null = there"),
    *_origin(),
    may(
        "cell",
        BigInteger,
        "The cell of a grid of 1/200 degree that it lies in; null = unknown",
        Computed(_CELL, persisted=True),
    ),
    Index(None, "cell"),
)

punch = table(
    "core.punch",
    "Clock-ins and field check-ins",
    EMPLOYEE._copy(),
    key("record_id", Text, "The source's record id, or a hash of user and time where it has none"),
    must("user_id", Text, "Who punched, in the attendance system"),
    must("punched_at", INSTANT, "When"),
    must("kind", Text, "in, out or field"),
    may("device_id", Text, "The phone or terminal"),
    may("work_date", Date, "The working day as the source states it; wins over the roster"),
    may("base_at", INSTANT, "The planned time that the source compares with; wins over the roster"),
    may("modified_at", INSTANT, "The source's modified stamp"),
    *_origin(),
    Index(None, "employee_id", "punched_at"),
)

punch_place = table(
    "place.punch_place",
    "Where a punch was made; read with a purpose, dropped when its time is up",
    EMPLOYEE._copy(),
    key("record_id", Text, "The punch (core.punch)"),
    must("punched_at", INSTANT, "When; retention counts from here"),
    may("latitude", Double, "Degrees, WGS-84; null = unknown"),
    may("longitude", Double, "Degrees, WGS-84; null = unknown"),
    may("accuracy_m", Double, "Radius of the position's error in metres, as the device states it"),
    may("place", Text, "The address as the device gave it"),
)

check_in_cell = table(
    "place.check_in_cell",
    "Where a check-in that proves no visit lies, to half a kilometre; kept no longer than its position",
    EMPLOYEE._copy(),
    key("record_id", Text, "The check-in (core.punch)"),
    must("work_date", Date, "Its working day when it was last judged"),
    must("punched_at", INSTANT, "When; retention counts from here"),
    must("cell", BigInteger, "The cell of the grid (core.account.cell)"),
    Index(None, "cell"),
)

leave = table(
    "core.leave",
    "Approved leave, trips, outings and overtime",
    EMPLOYEE._copy(),
    key("approval_id", Text, "The approval's id"),
    must("user_id", Text, "Who, in the attendance system"),
    must("kind", Text, "leave, trip, out or overtime"),
    must("start_at", INSTANT, "From"),
    must("end_at", INSTANT, "Until, not included"),
    *_origin(),
)

visit = table(
    "core.visit",
    "Customer visits as the CRM has them",
    EMPLOYEE._copy(),
    key("visit_id", Text, "The visit's id in the CRM"),
    must("owner_id", Text, "The CRM user who owns it"),
    may("account_id", Text, "The customer"),
    may("planned_start", INSTANT, "Planned start"),
    may("planned_end", INSTANT, "Planned end"),
    may("actual_start", INSTANT, "Start as the rep entered it"),
    may("actual_end", INSTANT, "End as the rep entered it"),
    must("status", Text, "planned, done or cancelled"),
    may("modified_at", INSTANT, "The CRM's modified stamp"),
    must("deleted", Boolean, "Deleted in the CRM"),
    *_origin(),
    Index(None, "employee_id", "planned_start"),
    Index(None, "visit_id"),
    Index(None, "account_id"),
)

task = table(
    "core.task",
    "Tasks as the CRM has them",
    EMPLOYEE._copy(),
    key("task_id", Text, "The task's id in the CRM"),
    must("owner_id", Text, "The CRM user who owns it"),
    may("account_id", Text, "The customer"),
    may("due_on", Date, "Due day"),
    may("completed_at", INSTANT, "When it was completed"),
    must("status", Text, "open, done or cancelled"),
    may("modified_at", INSTANT, "The CRM's modified stamp"),
    must("deleted", Boolean, "Deleted in the CRM"),
    *_origin(),
    Index(None, "employee_id", "due_on"),
    Index(None, "employee_id", "completed_at"),
    Index(None, "task_id"),
)

opportunity = table(
    "core.opportunity",
    "Opportunities as the CRM has them",
    EMPLOYEE._copy(),
    key("opportunity_id", Text, "The opportunity's id in the CRM"),
    must("owner_id", Text, "The CRM user who owns it"),
    may("account_id", Text, "The customer"),
    may("stage", Text, "The CRM's stage name"),
    may("amount", Numeric(18, 2), "Amount in its own currency"),
    may("currency", Text, "ISO 4217 code"),
    may("created_at", INSTANT, "When it was created"),
    may("closed_on", Date, "Close day: expected while open, real once closed"),
    may("is_won", Boolean, "Closed and won"),
    may("modified_at", INSTANT, "The CRM's modified stamp"),
    must("deleted", Boolean, "Deleted in the CRM"),
    *_origin(),
    Index(None, "employee_id", "created_at"),
    Index(None, "employee_id", "closed_on"),
    Index(None, "opportunity_id"),
)
