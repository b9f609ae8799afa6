"""Attendance of DESIGN section 6 once more, in plain loops over plain rows: what the SQL of the rules is compared with.

Written from the text (and ``docs/rules.md`` where the text is silent), for the shipped rules, an office roster and
Shanghai only. Visits are in :mod:`tests.oracle.visits`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

ZONE: Final = ZoneInfo("Asia/Shanghai")
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SAME: Final = timedelta(seconds=30)
#: the State Council's decree for autumn 2026, copied by hand
HOLIDAYS: Final = {date(2026, 9, d) for d in (25, 26, 27)} | {date(2026, 10, d) for d in range(1, 8)}
MAKEUP: Final = {date(2026, 9, 20), date(2026, 10, 10)}

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Shift:
    """Planned hours, local; ``required`` minutes only when flexible."""

    name: str
    starts: time
    ends: time
    pause: tuple[time, time] | None
    grace_in: int
    required: int | None = None


NOON: Final = (time(12), time(13))
OFFICE: Final = Shift("office", time(9), time(18), NOON, 5)
SHIFTS: Final = (
    OFFICE,
    Shift("night", time(22), time(6), None, 5),
    Shift("flexible", time(10), time(16), NOON, 0, 540),
)


@dataclass(frozen=True)
class Company:
    """Canonical rows by stream."""

    employees: Sequence[Row]
    punches: Sequence[Row]
    leave: Sequence[Row]
    crm_users: Sequence[Row]
    accounts: Sequence[Row]
    visits: Sequence[Row]


def at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, ZONE)


def local(instant: datetime) -> datetime:
    return instant.astimezone(ZONE)


def minutes(span: timedelta) -> int:
    """Whole minutes, fractions dropped."""
    return span // MINUTE if span >= timedelta() else 0


def person_of(employee: Row) -> str:
    return employee["employee_no"] or f"dingtalk:{employee['user_id']}"


def calendar_kind(day: date) -> str:
    if day in HOLIDAYS:
        return "holiday"
    return "rest" if day.weekday() >= 5 and day not in MAKEUP else "workday"


def employed(employee: Row, day: date) -> bool:
    return (employee["hired_on"] or day) <= day <= (employee["left_on"] or day)


# --- punches and their working day


def shift_with(base: datetime, kind: str) -> Shift | None:
    """The shift whose start (of an ``in``) or end (of an ``out``) the source compares with."""
    clock = local(base).time()
    return next((s for s in SHIFTS if clock == (s.starts if kind == "in" else s.ends)), None)


def working_day(punch: Row) -> date:
    """Stated, else the start date of the shift that ``base_at`` names, else the local date (the roster is office)."""
    local_date = local(punch["punched_at"]).date()
    named = [punch["work_date"]]
    if punch["base_at"] and punch["kind"] == "in":
        named.append(local(punch["base_at"]).date())
    elif punch["base_at"] and punch["kind"] == "out" and (shift := shift_with(punch["base_at"], "out")):
        named.append(local(punch["base_at"]).date() - (DAY if shift.ends <= shift.starts else timedelta()))
    return next((day for day in named if day and abs(day - local_date) <= DAY), local_date)


def once(punches: Sequence[Row]) -> list[Row]:
    """A punch 30 seconds or less after the one before it is that punch again; the first stands for the chain."""
    ordered = sorted(punches, key=lambda p: (p["punched_at"], p["record_id"]))
    before = [None, *ordered][: len(ordered)]
    return [p for p, b in zip(ordered, before, strict=True) if b is None or p["punched_at"] - b["punched_at"] > SAME]


def first_and_last(punches: Sequence[Row]) -> tuple[datetime | None, datetime | None]:
    """First in and last out of one working day."""
    first = min((p["punched_at"] for p in punches if p["kind"] in ("in", "field")), default=None)
    gone = [p["punched_at"] for p in punches if p["kind"] in ("out", "field")]
    return first, max((when for when in gone if not first or when > first), default=None)


# --- attendance


@dataclass(frozen=True)
class Plan:
    """One person's planned hours of one day, as instants."""

    shift: Shift
    start: datetime
    end: datetime
    pause: tuple[datetime, datetime] | None


def plan_of(day: date, punches: Sequence[Row]) -> Plan:
    """The roster's office shift, unless the source says what it compares with."""
    start = min((p["base_at"] for p in punches if p["base_at"] and p["kind"] == "in"), default=None)
    end = max((p["base_at"] for p in punches if p["base_at"] and p["kind"] == "out"), default=None)
    for shift in SHIFTS:
        over = DAY if shift.ends <= shift.starts else timedelta()
        span = at(day, shift.starts), at(day + over, shift.ends)
        if start in (None, span[0]) and end in (None, span[1]):
            break
    else:
        shift = OFFICE
        span = start or at(day, OFFICE.starts), end or at(day, OFFICE.ends)
        if span[0] >= span[1]:
            span = at(day, OFFICE.starts), at(day, OFFICE.ends)
    pause = (at(day, shift.pause[0]), at(day, shift.pause[1])) if shift.pause else None
    return Plan(shift, *span, pause)


Span = tuple[datetime, datetime]


def union(spans: Sequence[Span]) -> list[Span]:
    """Spans that touch or overlap, joined."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined


def overlap(a: Span | None, b: Span | None) -> timedelta:
    return max(min(a[1], b[1]) - max(a[0], b[0]), timedelta()) if a and b else timedelta()


def ends(plan: Plan, first: datetime | None, away: Sequence[Span]) -> tuple[datetime, datetime]:
    """The end before leave moves it, and the end from which overtime counts: they differ only for a flexible shift.

    It ends ``required`` after the person came (leave over the start counts as being there); of one who came nobody
    knows when, nobody can say early before ``ends`` nor overtime before the end of a day that began at ``starts``.
    """
    if plan.shift.required is None:
        return plan.end, plan.end
    required = timedelta(minutes=plan.shift.required)
    there = min(first or plan.start, plan.start) if any(a <= plan.start < b for a, b in away) else first
    latest = max(plan.end, plan.start + required)
    return (plan.end, latest) if there is None else (max(plan.end, there + required),) * 2


def left_of(span: Span, spans: Sequence[Span]) -> list[Span]:
    """What is left of a span when others are taken out."""
    pieces = [span]
    for a, b in spans:
        cut = [(s, min(e, a)) for s, e in pieces] + [(max(s, b), e) for s, e in pieces]
        pieces = [(s, e) for s, e in cut if s < e]
    return pieces


def inside(span: Span, spans: Sequence[Span]) -> timedelta:
    """How much of a span several others cover."""
    return sum((overlap(span, one) for one in union(spans)), timedelta())


def anomalies(day: date, punches: Sequence[Row], row: Mapping[str, Any]) -> list[str]:
    """What is odd about the day, of the names that an office roster and standard hours can have; sorted."""
    counted, first, last = once(punches), row["first_in"], row["last_out"]
    order = [p["kind"] for p in counted]
    pairs = list(pairwise(order))
    stated = [
        (p["work_date"], local(p["base_at"]).date() if p["base_at"] else None, local(p["punched_at"]).date())
        for p in punches
    ]
    bases = [
        (local(p["base_at"]).time(), OFFICE.starts if p["kind"] == "in" else OFFICE.ends)
        for p in punches
        if p["base_at"] and p["kind"] in ("in", "out")
    ]
    due = row["planned_minutes"] - row["leave_minutes"]
    free = row["status"] in ("holiday", "rest")
    odd = {
        "base_differs_from_roster": not free and any(base != office for base, office in bases),
        "day_differs_from_roster": any(local(p["punched_at"]).date() != day for p in punches),
        "half_day_missed": row["status"] in ("late", "early") and 2 * row["missed_minutes"] >= due,
        "long_span": bool(first and last and last - first > timedelta(hours=16)),
        "missing_in": bool(counted) and first is None,
        "missing_out": bool(counted) and last is None,
        "near_duplicate": len(counted) < len(punches),
        "out_before_in": any(p["kind"] == "out" and first and p["punched_at"] < first for p in counted),
        "punch_on_leave": bool(counted) and row["status"] == "leave",
        "punch_on_rest_day": bool(counted) and free,
        "repeated_in": ("in", "in") in pairs,
        "repeated_out": ("out", "out") in pairs,
        "stated_plan_refused": any(d and abs(d - on) > DAY for *days, on in stated for d in days),
        "unpaired_in": any(p["kind"] == "in" and last and p["punched_at"] > last for p in counted),
    }
    return sorted(name for name, holds in odd.items() if holds)


def attendance_day(day: date, punches: Sequence[Row], leave: Sequence[Row]) -> dict[str, Any]:
    """One row; ``punches`` are those of the person's working day, ``leave`` all of the person's."""
    plan, kind, counted = plan_of(day, punches), calendar_kind(day), once(punches)
    first, last = first_and_last(counted)
    worked = minutes(last - first - overlap((first, last), plan.pause)) if first and last else 0
    away = union([(r["start_at"], r["end_at"]) for r in leave if r["kind"] in ("leave", "trip", "out")])
    leaves, overtime_from = ends(plan, first, away)
    shift, start, end = (plan.start, leaves), plan.start, leaves
    for span in away:
        start = span[1] if span[0] <= start < span[1] else start
        end = span[0] if span[0] < end <= span[1] else end
    covered = [(max(a, shift[0]), min(b, shift[1])) for a, b in away if min(b, shift[1]) > max(a, shift[0])]
    excused = sum((b - a - overlap((a, b), plan.pause) for a, b in covered), timedelta())
    whole = plan.start, max(plan.end, plan.start + timedelta(minutes=plan.shift.required or 0))
    planned = minutes(whole[1] - whole[0] - overlap(whole, plan.pause))
    late = minutes(first - start) if first else 0
    late = late if late > plan.shift.grace_in else 0
    early = minutes(end - last) if last else 0
    over = minutes(last - overtime_from) if last else 0
    if kind != "workday":
        status, late, early, over = kind, 0, 0, worked
    elif excused >= shift[1] - shift[0] - overlap(shift, plan.pause):
        status, late, early, over = "leave", 0, 0, 0
    elif not first and not last:
        status = "absent"
    elif not first or not last:
        status = "incomplete"
    else:
        status = "late" if late else "early" if early else "present"
    leave_minutes = min(minutes(excused), planned) if kind == "workday" else 0
    on_leave = [(r["start_at"], r["end_at"]) for r in leave if r["kind"] == "leave" and r["start_at"] < r["end_at"]]
    planned_minutes = planned if kind == "workday" else 0
    missed: int | None = 0
    if status == "incomplete":
        missed = None
    elif kind == "workday" and status != "leave":
        begins = min(first or plan.start, plan.start) if plan.shift.required else plan.start
        due = left_of((begins, leaves), [*covered, *([plan.pause] if plan.pause else [])])
        there = inside((first, last), due) if first and last else timedelta()
        missed = minutes(planned * MINUTE - excused - there)
    row = {
        "calendar_kind": "makeup" if day in MAKEUP else kind,
        "shift": plan.shift.name if kind == "workday" else None,
        "status": status,
        "first_in": first,
        "last_out": last,
        "punches": len(counted),
        "late_minutes": late,
        "early_minutes": early,
        "worked_minutes": worked,
        "overtime_minutes": over if over >= 30 or kind != "workday" else 0,
        "planned_minutes": planned_minutes,
        "leave_minutes": leave_minutes,
        "trip_minutes": leave_minutes - min(of_leave(plan, leaves, on_leave), planned_minutes),
        "attended_minutes": attended(planned_minutes - leave_minutes, missed, status),
        "missed_minutes": missed,
        "hours_system": "standard",
        "norm_minutes": planned_minutes,
    }
    return row | {"anomalies": anomalies(day, punches, row)}


def attended(due: int, missed: int | None, status: str) -> int | None:
    """What was due and not missed; nothing on a day of leave."""
    if missed is None:
        return None
    return 0 if status == "leave" else due - missed


def of_leave(plan: Plan, leaves: datetime, on_leave: Sequence[Span]) -> int:
    """Whole minutes of the shift on leave, trips and outings not counted."""
    pieces = left_of((plan.start, leaves), [plan.pause] if plan.pause else [])
    return minutes(sum((inside(piece, on_leave) for piece in pieces), timedelta()))


def attendance(company: Company, days: Sequence[date]) -> dict[tuple[str, date], dict[str, Any]]:
    """Rows by (employee_id, work_date)."""
    rows = {}
    for employee in company.employees:
        mine = [p for p in company.punches if p["user_id"] == employee["user_id"]]
        away = [r for r in company.leave if r["user_id"] == employee["user_id"]]
        for day in days:
            if employed(employee, day):
                punches = [p for p in mine if working_day(p) == day]
                rows[person_of(employee), day] = attendance_day(day, punches, away)
    return rows
