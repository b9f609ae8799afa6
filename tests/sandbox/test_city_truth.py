"""The city's truth against a second reading of DESIGN §6: slow, row by row, from the recorded streams alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from functools import cache
from math import asin, cos, radians, sin, sqrt
from typing import Any
from zoneinfo import ZoneInfo

import chinese_calendar
import pytest

from fieldwork.sandbox.city import generate
from fieldwork.sandbox.company import Company

ZONE = ZoneInfo("Asia/Shanghai")
HOURS = {
    "office": (time(9), time(18), (time(12), time(13)), 5),
    "night": (time(22), time(6), None, 5),
    "flexible": (time(10), time(16), (time(12), time(13)), 0),
}
HALF_MINUTE = timedelta(seconds=30)
Row = dict[str, Any]


# --- the second reading ----------------------------------------------------------------------------------------------


def minutes(span: timedelta) -> int:
    return span // timedelta(minutes=1)


def at(day: date, clock: time, *, after: time | None = None) -> datetime:
    next_day = after is not None and clock <= after
    return datetime.combine(day + timedelta(days=next_day), clock, ZONE)


def one_of_near_duplicates(punches: Iterable[Row]) -> list[Row]:
    kept: list[Row] = []
    for punch in sorted(punches, key=lambda row: row["punched_at"]):
        if not kept or punch["punched_at"] - kept[-1]["punched_at"] > HALF_MINUTE:
            kept.append(punch)
    return kept


def by_day(company: Company, once: Callable[[Iterable[Row]], list[Row]]) -> dict[tuple[str, date], list[Row]]:
    """Near-duplicates once, by user and working day."""
    by_user: dict[str, list[Row]] = defaultdict(list)
    for punch in company.tables["punches"].to_pylist():
        by_user[punch["user_id"]].append(punch)
    days: dict[tuple[str, date], list[Row]] = defaultdict(list)
    for user, punches in by_user.items():
        for punch in once(punches):
            day = punch["work_date"] or punch["punched_at"].astimezone(ZONE).date()
            days[user, day].append(punch)
    return days


def punches_by_day(company: Company) -> dict[tuple[str, date], list[Row]]:
    return by_day(company, one_of_near_duplicates)


def rostered(company: Company, employee: Row) -> str:
    for scope, subject in (("employee", employee["employee_no"]), ("team", employee["team"]), ("company", "*")):
        for entry in company.roster:
            if (entry["scope"], entry["subject"]) == (scope, subject):
                return str(entry["shift"])
    raise LookupError(employee["employee_no"])


def shift_of(punches: list[Row], roster_shift: str) -> str:
    for kind, position in (("in", 0), ("out", 1)):
        for punch in punches:
            if punch["kind"] == kind and punch["base_at"]:
                clock = punch["base_at"].astimezone(ZONE).time()
                return next(name for name, hours in HOURS.items() if hours[position] == clock)
    return roster_shift


def person_day(day: date, punches: list[Row], leaves: list[Row], roster_shift: str) -> Row:
    """One row of attendance by DESIGN §6; ``leaves`` are those of the person that are no overtime."""
    shift = shift_of(punches, roster_shift)
    starts_at, ends_at, pause, grace = HOURS[shift]
    starts, ends = at(day, starts_at), at(day, ends_at, after=starts_at)
    arrivals = [p["punched_at"] for p in punches if p["kind"] in ("in", "field")]
    first_in = min(arrivals, default=None)
    leaving = [p["punched_at"] for p in punches if p["kind"] in ("out", "field")]
    last_out = max((moment for moment in leaving if first_in is None or moment > first_in), default=None)
    if shift == "flexible" and first_in:
        ends = max(ends, first_in + timedelta(hours=9))
    whole = any(leave["start_at"] <= starts and leave["end_at"] >= ends for leave in leaves)
    for leave in leaves:
        if leave["start_at"] <= starts < leave["end_at"]:
            starts = leave["end_at"]
        if leave["start_at"] < ends <= leave["end_at"]:
            ends = leave["start_at"]
    late = minutes(first_in - starts) if first_in and first_in > starts else 0
    late = late if late > grace else 0
    early = minutes(ends - last_out) if last_out and ends > last_out else 0
    worked = timedelta(0)
    if first_in and last_out:
        worked = last_out - first_in
        if pause:
            overlap = min(last_out, at(day, pause[1])) - max(first_in, at(day, pause[0]))
            worked -= max(overlap, timedelta(0))
    free, holiday = chinese_calendar.get_holiday_detail(day)
    status = "present"
    if free:
        status = "holiday" if holiday else "rest"
    elif whole:
        status = "leave"
    elif not first_in and not last_out:
        status = "absent"
    elif not first_in or not last_out:
        status = "incomplete"
    elif late or early:
        status = "late" if late else "early"
    if status in ("holiday", "rest", "leave", "absent"):
        late = early = 0
    return {
        "status": status, "late_minutes": late, "early_minutes": early, "worked_minutes": minutes(worked),
        "first_in": first_in, "last_out": last_out,
    }  # fmt: skip


def attendance(company: Company) -> dict[tuple[str, date], Row]:
    punches = punches_by_day(company)
    leaves = defaultdict(list)
    for leave in company.tables["leave"].to_pylist():
        if leave["kind"] != "overtime":
            leaves[leave["user_id"]].append(leave)
    rows = {}
    for employee in company.tables["employees"].to_pylist():
        user = employee["user_id"]
        day = max(company.since, employee["hired_on"])
        while day < company.until and day <= (employee["left_on"] or day):
            row = person_day(day, punches[user, day], leaves[user], rostered(company, employee))
            rows[employee["employee_no"], day] = row
            day += timedelta(days=1)
    return rows


def metres(check_in: Row, account: Row) -> float | None:
    places = [check_in["latitude"], check_in["longitude"], account["latitude"], account["longitude"]]
    if None in places or not (check_in["latitude"] or check_in["longitude"]):
        return None
    lat1, lon1, lat2, lon2 = map(radians, places)
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * 6_371_008.8 * asin(sqrt(half))


class Pair:
    """A check-in beside a visit."""

    def __init__(self, visit: Row, account: Row, check_in: Row) -> None:
        when, starts, ends = check_in["punched_at"], visit["planned_start"], visit["planned_end"]
        self.in_time = starts - timedelta(hours=2) <= when <= ends + timedelta(hours=2)
        self.minutes_off = minutes(max(starts - when, when - ends, timedelta(0)))
        self.metres = metres(check_in, account)
        forgiven = min(check_in["accuracy_m"] or 0, 100)
        radius = account["radius_m"] if account["radius_m"] is not None else 300
        self.in_range = self.metres is not None and self.metres - forgiven <= radius

    @property
    def cost(self) -> float:
        return self.minutes_off + (self.metres or 0) / 10


def best_assignment(pairs: list[list[Pair]]) -> tuple[int | None, ...]:
    """Check-in of each visit: most verified, then least cost, by trying everything."""

    @cache
    def best(visit: int, used: frozenset[int]) -> tuple[int, float, tuple[int | None, ...]]:
        if visit == len(pairs):
            return 0, 0.0, ()
        count, cost, rest = best(visit + 1, used)
        found: tuple[int, float, tuple[int | None, ...]] = (count, cost, (None, *rest))
        for number, pair in enumerate(pairs[visit]):
            if number not in used and pair.in_time and pair.in_range:
                count, cost, rest = best(visit + 1, used | {number})
                found = max(found, (count + 1, cost - pair.cost, (number, *rest)), key=lambda one: one[:2])
        return found

    return best(0, frozenset())[2]


def verdict_of(pairs: list[Pair], free: set[int], account: Row) -> str:
    """The verdict of a visit that no check-in proves."""
    rest = [pair for number, pair in enumerate(pairs) if number in free]
    if any(pair.in_range and not pair.in_time for pair in rest):
        return "off_schedule"
    if any(pair.in_time and pair.metres is not None for pair in rest):
        return "out_of_range"
    if account["latitude"] is None or any(pair.in_time for pair in rest):
        return "unverifiable"
    return "no_check_in"


def owners(company: Company) -> dict[str, Row]:
    """The employee of each CRM user: by number, else by e-mail, else by mobile."""
    people = company.tables["employees"].to_pylist()
    keys = {key: person for person in people for key in (person["employee_no"], person["email"], person["mobile"])}
    found = {}
    for user in company.tables["crm_users"].to_pylist():
        key = user["employee_no"] or (user["email"] or "").lower() or user["mobile"].replace("+86", "").strip()
        found[user["crm_user_id"]] = keys[key]
    return found


def visit_checks(company: Company) -> dict[str, tuple[str, datetime | None]]:
    """Verdict of every visit, and when the check-in that proves it was made."""
    accounts = {row["account_id"]: row for row in company.tables["accounts"].to_pylist()}
    people, punches = owners(company), punches_by_day(company)
    days: dict[tuple[str, date], list[Row]] = defaultdict(list)
    for visit in company.tables["visits"].to_pylist():
        if visit["status"] != "cancelled" and not visit["deleted"]:
            day = visit["planned_start"].astimezone(ZONE).date()
            days[people[visit["owner_id"]]["user_id"], day].append(visit)
    checks = {}
    for key, visits in days.items():
        check_ins = [punch for punch in punches[key] if punch["kind"] == "field"]
        pairs = [[Pair(visit, accounts[visit["account_id"]], one) for one in check_ins] for visit in visits]
        chosen = best_assignment(pairs)
        free = set(range(len(check_ins))) - set(chosen)
        for visit, row, number in zip(visits, pairs, chosen, strict=True):
            if number is None:
                verdict, when = verdict_of(row, free, accounts[visit["account_id"]]), None
            else:
                verdict, when = "verified", check_ins[number]["punched_at"]
            checks[visit["visit_id"]] = verdict, when
    return checks


# --- what it finds ---------------------------------------------------------------------------------------------------


def attendance_truth(company: Company) -> dict[tuple[str, date], Row]:
    rows = company.truth["attendance"].drop_columns(["user_id"]).to_pylist()
    return {(row.pop("employee_id"), row.pop("work_date")): row for row in rows}


def visit_truth(company: Company) -> dict[str, tuple[str, datetime | None]]:
    rows = company.truth["visits"].to_pylist()
    return {
        row["visit_id"]: (row["verdict"], row["checked_in_at"] if row["verdict"] == "verified" else None)
        for row in rows
    }


CLEAN = [
    {"people": 60, "days": 14},
    {"people": 120, "days": 10, "seed": 7, "checkin_share": 0.0},
    {"people": 120, "days": 10, "seed": 8, "checkin_share": 1.0},
    {"people": 40, "days": 21, "seed": 9, "start": date(2026, 9, 21)},
]


@pytest.mark.parametrize("options", CLEAN, ids=["default", "外勤打卡 only", "签到 only", "over a holiday"])
def test_without_faults_the_records_say_what_happened(options: dict[str, Any]) -> None:
    company = generate(faults="none", **options)
    assert attendance(company) == attendance_truth(company)
    assert visit_checks(company) == visit_truth(company)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_usual_noise_leaves_attendance_exact_and_matching_at_98_percent(seed: int) -> None:
    company = generate(people=120, days=14, seed=seed, faults="usual")
    assert attendance(company) == attendance_truth(company)
    found = {(visit, when) for visit, (verdict, when) in visit_checks(company).items() if verdict == "verified"}
    real = {(visit, when) for visit, (verdict, when) in visit_truth(company).items() if verdict == "verified"}
    assert len(real) > 1_500
    assert len(found & real) / len(found) >= 0.98
    assert len(found & real) / len(real) >= 0.98


def test_which_of_two_outs_counts_changes_no_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """DESIGN §6 says that two punches within 30 s are one, not which of them."""

    def the_later_out(punches: Iterable[Row]) -> list[Row]:
        ordered = sorted(punches, key=lambda row: row["punched_at"])
        kept = one_of_near_duplicates(ordered)
        for number, punch in enumerate(kept):
            near = [row for row in ordered if timedelta(0) <= row["punched_at"] - punch["punched_at"] <= HALF_MINUTE]
            kept[number] = near[-1] if punch["kind"] == "out" else punch
        return kept

    company = generate(people=100, days=10, faults="none")
    usual = attendance(company)
    monkeypatch.setitem(globals(), "punches_by_day", lambda company: by_day(company, the_later_out))
    other = attendance(company)
    assert usual != other
    for row in (*usual.values(), *other.values()):
        del row["last_out"]
    assert usual == other


def test_every_status_and_verdict_occurs() -> None:
    company = generate(people=200, days=21, faults="none", start=date(2026, 9, 21))
    assert set(company.truth["attendance"]["status"].to_pylist()) == {
        "holiday", "rest", "leave", "absent", "incomplete", "late", "early", "present",
    }  # fmt: skip
    assert set(company.truth["visits"]["verdict"].to_pylist()) == {
        "verified", "off_schedule", "out_of_range", "unverifiable", "no_check_in",
    }  # fmt: skip
