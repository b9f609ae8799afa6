"""What really happened, as DESIGN §6 would put it: computed from what people did, not from what was recorded.

``attendance``  one row per employee and calendar day from hired_on to left_on
``visits``      one row per visit that was neither cancelled nor deleted, with the best check-in made for it
``checkins``    one row per check-in, with the visit it was made for (null = off plan), the customer at whose place it
                was made (null = elsewhere), and what is wrong with its position (null = nothing; city_noise.SPOILT)

Minutes are whole. Instants of ``attendance`` and ``checkins`` are those of the records, exact to the second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from fieldwork.sandbox.city_attendance import INWARD, OfficeDays
from fieldwork.sandbox.city_calendar import FLEXIBLE, FLEXIBLE_REQUIRED, HOLIDAY, MINUTE, REST, SHIFTS, Days
from fieldwork.sandbox.city_geography import Accounts, distance
from fieldwork.sandbox.city_leave import Plan
from fieldwork.sandbox.city_margins import chunks
from fieldwork.sandbox.city_noise import SPOILT
from fieldwork.sandbox.city_people import People
from fieldwork.sandbox.city_random import Flags, Ints
from fieldwork.sandbox.city_visits import ARRIVALS, NONE, VISITS, WINDOW, CheckIns, VisitPlan, cost
from fieldwork.streams import DAY, INSTANT, TEXT

_NUMBER: Final = pa.int64()
TRUTH: Final[dict[str, pa.Schema]] = {
    "attendance": pa.schema(
        {
            "employee_id": TEXT, "user_id": TEXT, "work_date": DAY, "status": TEXT,
            "late_minutes": _NUMBER, "early_minutes": _NUMBER, "worked_minutes": _NUMBER,
            "first_in": INSTANT, "last_out": INSTANT,
        }
    ),
    "visits": pa.schema(
        {
            "visit_id": TEXT, "employee_id": TEXT, "work_date": DAY, "verdict": TEXT,
            "user_id": TEXT, "checked_in_at": INSTANT,
        }
    ),
    "checkins": pa.schema(
        {
            "employee_id": TEXT, "user_id": TEXT, "punched_at": INSTANT, "visit_id": TEXT, "account_id": TEXT,
            "spoilt": TEXT,
        }
    ),
}  # fmt: skip

STATUSES: Final = ("holiday", "rest", "leave", "absent", "incomplete", "late", "early", "present")
VERDICTS: Final = ("verified", "off_schedule", "out_of_range", "unverifiable", "no_check_in")
#: no such moment
NEVER: Final = np.iinfo(np.int64).max // 4


@dataclass(frozen=True)
class PersonDays:
    """(people, days). Seconds after midnight, NEVER = none; minutes; ``status`` is a position in STATUSES."""

    first_in: Ints
    last_out: Ints
    late: Ints
    early: Ints
    worked: Ints
    status: Ints
    #: seconds by which the last out may be later without a minute changing
    slack: Ints


def judge_days(plan: Plan, office: OfficeDays, visits: VisitPlan, moments: CheckIns, days: Days) -> PersonDays:
    """Every person-day by DESIGN §6."""
    first_in, last_out = _ends_of_day(office, visits, moments)
    came, went = first_in != NEVER, last_out != NEVER
    counts = plan.working & ~plan.away
    late = (first_in - plan.starts) // MINUTE
    late = np.where(counts & came & (late * MINUTE > _grace(plan.shift)), late, 0)
    flexible_end = np.where(came, np.maximum(plan.ends, first_in + FLEXIBLE_REQUIRED), plan.ends)
    ends = np.where(plan.shift == FLEXIBLE, flexible_end, plan.ends)
    missing = ends - last_out
    early = np.where(counts & went & (missing > 0), missing // MINUTE, 0)
    present = np.where(came & went, last_out - first_in - _break_overlap(plan, first_in, last_out), 0)
    slack = np.where(missing > 0, np.minimum(59 - present % MINUTE, missing % MINUTE), 59 - present % MINUTE)
    kind = np.broadcast_to(days.kind, counts.shape)
    holds = [
        kind == HOLIDAY,
        kind == REST,
        plan.away,
        ~came & ~went,
        ~came | ~went,
        late > 0,
        early > 0,
    ]
    status = np.select(holds, list(range(len(holds))), default=len(holds)).astype(np.int64)
    return PersonDays(first_in, last_out, late, early, present // MINUTE, status, slack)


def _ends_of_day(office: OfficeDays, visits: VisitPlan, moments: CheckIns) -> tuple[Ints, Ints]:
    """First in, and last out after it; field punches count as both."""
    first = np.where(office.made & INWARD, office.at, NEVER).min(axis=2)
    last = np.where(office.made & ~INWARD, office.at, -1).max(axis=2)
    here = visits.person, visits.day
    first[here] = np.minimum(first[here], np.where(moments.made, moments.at, NEVER).min(axis=1))
    last[here] = np.maximum(last[here], np.where(moments.made, moments.at, -1).max(axis=1))
    none = (last < 0) | ((first != NEVER) & (last <= first))
    return first, np.where(none, NEVER, last)


def _grace(shift: Ints) -> Ints:
    grace: Ints = np.array([one.grace for one in SHIFTS])[shift]
    return grace


def _break_overlap(plan: Plan, first_in: Ints, last_out: Ints) -> Ints:
    begins = np.array([one.break_starts for one in SHIFTS])[plan.shift]
    stops = np.array([one.break_ends for one in SHIFTS])[plan.shift]
    overlap: Ints = np.maximum(np.minimum(last_out, stops) - np.maximum(first_in, begins), 0)
    return overlap


def best_own(visits: VisitPlan, moments: CheckIns, accounts: Accounts) -> Ints:
    """(rows, VISITS): place of the check-in made for the visit that costs least, -1 = none was made."""
    coming, leaving = cost(visits, moments, accounts, 0), cost(visits, moments, accounts, ARRIVALS)
    came, left = moments.made[:, :VISITS], moments.made[:, ARRIVALS:]
    place = np.broadcast_to(np.arange(VISITS), came.shape)
    return np.select([came & ~(left & (leaving < coming)), left], [place, ARRIVALS + place], default=-1)


def judge_visits(visits: VisitPlan, moments: CheckIns, accounts: Accounts) -> Ints:
    """(rows, VISITS): position in VERDICTS. A visit is verified by a check-in that was made for it, and no other."""
    verdict = np.empty(visits.account.shape, dtype=np.int64)
    best = best_own(visits, moments, accounts)
    for part in chunks(len(visits.person)):
        verdict[part] = _judge_part(visits, moments, accounts, best, part)
    return verdict


def _judge_part(visits: VisitPlan, moments: CheckIns, accounts: Accounts, best: Ints, part: slice) -> Ints:
    account = visits.account[part, :, None]
    known: Flags = accounts.located[account]
    made, located = moments.made[part, None, :], moments.located[part, None, :]
    at = moments.at[part, None, :]
    in_time = (visits.starts[part, :, None] - WINDOW <= at) & (at <= visits.ends[part, :, None] + WINDOW)
    there = accounts.latitude[account], accounts.longitude[account]
    metres = distance(moments.latitude[part, None, :], moments.longitude[part, None, :], *there)
    near: Flags = metres <= accounts.radius[account]
    proves: Flags = moments.own(part) & made & located & known & in_time & near & visits.counted[part, :, None]
    # of two that prove it, the better one is the proof
    several = proves.sum(axis=2, keepdims=True) > 1
    proves &= ~several | (np.arange(made.shape[2]) == best[part, :, None])
    proven: Flags = np.any(proves, axis=1, keepdims=True)
    free = made & ~proven
    placed = free & located & known
    holds = [
        proves.any(axis=2),
        (placed & near & ~in_time).any(axis=2),
        (placed & in_time & ~near).any(axis=2),
        ~known[..., 0] | (free & in_time & ~located).any(axis=2),
    ]
    return np.select(holds, list(range(len(holds))), default=len(holds)).astype(np.int64)


def attendance_truth(people: People, days: Days, plan: Plan, judged: PersonDays) -> pa.Table:
    """The table ``attendance``."""
    person, day = np.nonzero(plan.employed)
    columns = {
        "employee_id": people.employee_no.take(pa.array(person)),
        "user_id": people.user_id.take(pa.array(person)),
        "work_date": dates(days.number[day]),
        "status": pa.array(STATUSES).take(pa.array(judged.status[person, day])),
        "late_minutes": judged.late[person, day],
        "early_minutes": judged.early[person, day],
        "worked_minutes": judged.worked[person, day],
        "first_in": _moment(days, day, judged.first_in[person, day]),
        "last_out": _moment(days, day, judged.last_out[person, day]),
    }
    return pa.table(columns, schema=TRUTH["attendance"])


def _moment(days: Days, day: Ints, seconds: Ints) -> pa.Array:
    return instants(days.instant(day, np.where(seconds == NEVER, 0, seconds)), seconds == NEVER)


def visit_truth(
    people: People, days: Days, visits: VisitPlan, moments: CheckIns, accounts: Accounts, ids: pa.Array, number: Ints
) -> pa.Table:
    """The table ``visits``; ``number`` (rows, VISITS): position of the visit's id, -1 = no visit."""
    verdict, best = judge_visits(visits, moments, accounts), best_own(visits, moments, accounts)
    row, place = np.nonzero(visits.counted)
    person, day, own = visits.person[row], visits.day[row], best[row, place]
    none = own < 0
    columns = {
        "visit_id": ids.take(pa.array(number[row, place])),
        "employee_id": people.employee_no.take(pa.array(person)),
        "work_date": dates(days.number[day]),
        "verdict": pa.array(VERDICTS).take(pa.array(verdict[row, place])),
        "user_id": people.user_id.take(pa.array(person, mask=none)),
        "checked_in_at": instants(days.instant(day, moments.at[row, own]), none),
    }
    return pa.table(columns, schema=TRUTH["visits"])


def check_in_truth(
    people: People,
    days: Days,
    visits: VisitPlan,
    moments: CheckIns,
    accounts: Accounts,
    spoilt: Ints,
    ids: pa.Array,
    number: Ints,
) -> pa.Table:
    """The table ``checkins``; ``spoilt`` (rows, check-ins): position in SPOILT, -1 = nothing is wrong."""
    row, place = np.nonzero(moments.made)
    person, purpose = visits.person[row], moments.purpose[row, place]
    visit = np.where(visits.counted, number, -1).ravel()[purpose]
    off_plan = (purpose == NONE) | (visit < 0)
    customer, wrong = moments.customer[row, place], spoilt[row, place]
    columns = {
        "employee_id": people.employee_no.take(pa.array(person)),
        "user_id": people.user_id.take(pa.array(person)),
        "punched_at": instants(days.instant(visits.day[row], moments.at[row, place])),
        "visit_id": ids.take(pa.array(visit, mask=off_plan)),
        "account_id": accounts.account_id.take(pa.array(customer, mask=customer == NONE)),
        "spoilt": pa.array(list(SPOILT)).take(pa.array(wrong, mask=wrong < 0)),
    }
    return pa.table(columns, schema=TRUTH["checkins"])


def instants(seconds: Ints, unknown: Flags | None = None) -> pa.Array:
    """Seconds since 1970 as instants, null where unknown."""
    return pa.array(seconds * 1_000_000, mask=unknown).cast(INSTANT)


def dates(number: Ints) -> pa.Array:
    """Days since 1970 as dates."""
    return pa.array(number.astype(np.int32)).cast(DAY)
