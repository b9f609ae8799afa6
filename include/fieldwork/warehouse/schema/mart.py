"""``mart``, its history, and ``build``: the joined dataset. One definition, three tables each.

``build.X`` is ``mart.X`` plus the run that makes it; ``mart.X_history`` is ``mart.X`` plus when it was believed.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Column, Date, Double, Index, Integer, Numeric, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from .base import INSTANT, key, may, metadata, must, table

_EMPLOYEE = "The person (core.employee)"
_VERSION = "The rules used (ref.rule_version)"
_SIGNALS = "Names of what is odd about the check-in's position, sorted: evidence, no verdict (ref.location_signal)"


def _sum(name: str, kind: Any, comment: str) -> Column[Any]:
    """A measure that adds up over days, people and teams; 0 where nothing was measured."""
    return must(name, kind, comment, server_default=text("0"))


attendance_day = table(
    "mart.attendance_day",
    "One row per person-day: the shift and what was punched",
    key("employee_id", Text, _EMPLOYEE),
    key("work_date", Date, "The working day; a night shift belongs to the day it starts"),
    must("calendar_kind", Text, "What the company's calendar says of the date: workday, rest, holiday or makeup"),
    may("shift", Text, "The shift (ref.shift); null on a day with none"),
    may("shift_start", INSTANT, "Planned start"),
    may("shift_end", INSTANT, "Planned end"),
    may("first_in", INSTANT, "Earliest in or field punch"),
    may("last_out", INSTANT, "Latest out or field punch after it"),
    must("punches", Integer, "Punches counted, near-duplicates once"),
    must("worked_minutes", Integer, "Whole minutes between first in and last out less the breaks, part by part"),
    must("late_minutes", Integer, "Whole minutes late, 0 within the grace"),
    must("early_minutes", Integer, "Whole minutes left early, 0 within the grace"),
    must("overtime_minutes", Integer, "Whole minutes worked beyond the plan; 0 unless the hours system is standard"),
    must("leave_minutes", Integer, "Whole minutes of the shift covered by leave, trip or outing, break left out"),
    must("trip_minutes", Integer, "Of the leave minutes those on a trip or outing and not on leave"),
    must("planned_minutes", Integer, "Whole minutes of the shift less its breaks; 0 on a rest day or holiday"),
    may(
        "attended_minutes",
        Integer,
        "Planned minutes, leave left out, on which the person was there; null = nobody knows, or nothing is asked",
    ),
    may("missed_minutes", Integer, "Planned minutes, leave left out, on which the person was not there; null likewise"),
    must("hours_system", Text, "standard, comprehensive or irregular (ref.hours)"),
    may("settlement", Text, "Comprehensive hours: the period that is settled: week, month, quarter or year"),
    must(
        "norm_minutes",
        Integer,
        "What the hours system asks for: planned minutes; comprehensive: the day's share of the period; irregular: 0",
    ),
    must("status", Text, "holiday, rest, leave, absent, incomplete, late, early or present"),
    must("anomalies", ARRAY(Text), "Names of what is odd about the day, sorted"),
    must("rule_version", Text, _VERSION),
)

visit_check = table(
    "mart.visit_check",
    "One row per visit that was not cancelled: was the person there",
    key("employee_id", Text, _EMPLOYEE),
    key("visit_id", Text, "The visit (core.visit)"),
    must("work_date", Date, "Local date of the planned start"),
    may("account_id", Text, "The customer"),
    may("planned_start", INSTANT, "Planned start"),
    may("planned_end", INSTANT, "Planned end"),
    may("actual_start", INSTANT, "Start as the rep entered it"),
    may("actual_end", INSTANT, "End as the rep entered it"),
    may("record_id", Text, "The check-in that speaks for the visit (core.punch)"),
    may("checked_in_at", INSTANT, "When that check-in was made"),
    may("minutes_off", Integer, "Whole minutes to the nearer end of the planned span, 0 inside it"),
    may("distance_m", Double, "Metres from the check-in to the account, WGS-84"),
    may("accuracy_m", Double, "The position's own error in metres"),
    may("radius_m", Double, "The geofence that the distance was judged by, in metres"),
    may("score", Double, "0 to 1: how well time and place fit"),
    must("verdict", Text, "verified, off_schedule, out_of_range, unverifiable or no_check_in"),
    must("reason_code", Text, "Why, as a name that stays (docs/rules.md)"),
    must("reason", Text, "The verdict in a sentence"),
    must("signals", ARRAY(Text), _SIGNALS),
    may(
        "stayed_minutes", Integer, "Whole minutes from the first to the last check-in there; null = there is one alone"
    ),
    may("stayed_at_most_minutes", Integer, "Whole minutes from the first check-in there to the next elsewhere"),
    must("rule_version", Text, _VERSION),
)

unmatched_check_in = table(
    "mart.unmatched_check_in",
    "One row per field check-in that proves no visit: where was the person, and why does it prove nothing",
    key("employee_id", Text, _EMPLOYEE),
    key("record_id", Text, "The check-in (core.punch)"),
    must("work_date", Date, "Its working day"),
    must("checked_in_at", INSTANT, "When it was made"),
    may("visit_id", Text, "The visit that it comes nearest to proving (core.visit); null = none is in question"),
    may("account_id", Text, "The customer at or nearest to the place; null = none is near"),
    may("distance_m", Double, "Metres from the check-in to that customer, WGS-84"),
    may("accuracy_m", Double, "The position's own error in metres"),
    must("reason_code", Text, "Why it proves nothing, as a name that stays (docs/rules.md)"),
    must("reason", Text, "Why it proves nothing, in a sentence"),
    must("signals", ARRAY(Text), _SIGNALS),
    must("rule_version", Text, _VERSION),
)

performance_day = table(
    "mart.performance_day",
    "One row per person-day: attendance joined with what the CRM says was done",
    key("employee_id", Text, _EMPLOYEE),
    key("work_date", Date, "The working day"),
    may("team", Text, "The person's team on the day"),
    may("manager_employee_id", Text, "The person's manager on the day"),
    must("status", Text, "Attendance status of the day"),
    must("worked_minutes", Integer, "As in attendance_day"),
    must("late_minutes", Integer, "As in attendance_day"),
    must("early_minutes", Integer, "As in attendance_day"),
    must("overtime_minutes", Integer, "As in attendance_day"),
    _sum("planned_days", Integer, "1 on a day that was to be worked, else 0"),
    _sum("planned_minutes", Integer, "As in attendance_day"),
    _sum("leave_minutes", Integer, "As in attendance_day"),
    _sum(
        "leave_days", Numeric(6, 4), "Share of the planned minutes that leave, trip or outing covered: 1 = all of them"
    ),
    must("exposure_minutes", Integer, "Minutes the person was on duty: planned less leave; 0 when absent or off"),
    _sum(
        "duty_minutes",
        Integer,
        "Minutes that attendance is measured on: planned less leave; 0 on an incomplete day, and under irregular hours",
    ),
    _sum("duty_kept_minutes", Integer, "of these, not lost by coming late, leaving early or being absent"),
    must("visits_planned", Integer, "Visits of the day that were not cancelled"),
    must("visits_done", Integer, "of these, marked done in the CRM"),
    must("visits_verified", Integer, "of these, proven by a check-in"),
    must("tasks_due", Integer, "Tasks due on the day, cancelled ones left out"),
    must("tasks_on_time", Integer, "of these, completed by the end of the day"),
    must("follow_ups", Integer, "Tasks with a customer completed on the day"),
    must("opportunities_created", Integer, "Opportunities created on the day"),
    must("opportunities_won", Integer, "Opportunities closed and won on the day"),
    must("amount_won", Numeric(18, 2), "Their sum in the company's currency"),
    may("amount_won_other", JSONB(none_as_null=True), "Their sums in other currencies by ISO code; null = none"),
    may("performance_index", Double, "Weighted mean of the day's shares, 0 to 100; null = nothing to measure"),
    must("rule_version", Text, _VERSION),
)

uncounted_punch = table(
    "mart.uncounted_punch",
    "Punches of days outside employment: they count nowhere",
    key("employee_id", Text, _EMPLOYEE),
    key("record_id", Text, "The punch (core.punch)"),
    must("work_date", Date, "The working day that it would belong to"),
    must("punched_at", INSTANT, "When"),
    must("kind", Text, "in, out or field"),
    must("reason", Text, "before_hire or after_leaving"),
    must("rule_version", Text, _VERSION),
)

JOINED: Final[tuple[Table, ...]] = (attendance_day, visit_check, unmatched_check_in, performance_day, uncounted_punch)

for _table in JOINED:
    _table.append_column(must("published_at", INSTANT, "When this version of the row was published"))


def _copies(source: Table) -> list[Column[object]]:
    return [column._copy() for column in source.columns]


def _history_of(source: Table) -> Table:
    return Table(
        f"{source.name}_history",
        metadata,
        *_copies(source),
        key("believed_until", INSTANT, "When it was replaced"),
        schema="mart",
        comment=f"Earlier versions of mart.{source.name}: believed from published_at to believed_until",
    )


def _build_of(source: Table) -> Table:
    columns = [c._copy() for c in source.columns if c.name != "published_at"]
    return Table(
        source.name,
        metadata,
        key("run_id", Text, "The run that makes the row (ops.run)"),
        *columns,
        schema="build",
        comment=f"Rows of mart.{source.name} being made",
    )


HISTORY: Final = {t.name: _history_of(t) for t in JOINED}
BUILD: Final = {t.name: _build_of(t) for t in JOINED}

build_person_day = table(
    "build.person_day",
    "The person-days that a run computes again",
    key("run_id", Text, "The run (ops.run)"),
    key("employee_id", Text, _EMPLOYEE),
    key("work_date", Date, "The working day"),
    may("touch_seq", BigInteger, "The touch that asked for it (ops.touched); null = a day never computed before"),
    must(
        "place_in_line",
        BigInteger,
        "Of two builds of one day the one with the later place counts",
        server_default=text("0"),
    ),
)

Index("ix_uncounted_punch_day", uncounted_punch.c.employee_id, uncounted_punch.c.work_date)
Index("ix_visit_check_day", visit_check.c.employee_id, visit_check.c.work_date)
Index("ix_unmatched_check_in_day", unmatched_check_in.c.employee_id, unmatched_check_in.c.work_date)
Index("ix_visit_check_visit_id", visit_check.c.visit_id)
Index("ix_visit_check_published_at", visit_check.c.published_at)
Index("ix_performance_day_published_at", performance_day.c.published_at)
Index("ix_build_visit_check_day", BUILD["visit_check"].c.run_id, BUILD["visit_check"].c.employee_id)
