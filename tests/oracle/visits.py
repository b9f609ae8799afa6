"""The visit check of DESIGN section 6 once more: pairs of visits and check-ins are found by trying them all.

Written from the text, like :mod:`tests.oracle.section6`; the rules of attendance and of working days are there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from tests.oracle.section6 import Company, Row, employed, local, minutes, once, person_of, working_day

AROUND: Final = timedelta(minutes=120)


def placed(row: Row) -> bool:
    return None not in (row["latitude"], row["longitude"]) and (row["latitude"], row["longitude"]) != (0, 0)


def metres(a: Row, b: Row) -> float:
    """Great circle on a sphere, by the haversine."""
    lat_a, lon_a, lat_b, lon_b = (math.radians(r[n]) for r in (a, b) for n in ("latitude", "longitude"))
    half = math.sin((lat_b - lat_a) / 2) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2
    return 2 * 6_371_008.8 * math.asin(math.sqrt(min(1.0, half)))


@dataclass(frozen=True)
class Fit:
    """How a check-in fits a visit."""

    record_id: str
    at: datetime
    off: int
    distance: float | None
    in_time: bool
    in_range: bool
    same_day: bool

    @property
    def cost(self) -> float:
        return self.off + (self.distance or 0) / 10


#: by visit, how each check-in of the person fits it
Fits = Mapping[str, Sequence[Fit]]


def fit(visit: Row, account: Row | None, punch: Row) -> Fit:
    start = visit["planned_start"]
    end = max(visit["planned_end"] or start, start)
    instant = punch["punched_at"]
    off = minutes(max(start - instant, instant - end, timedelta()))
    known = account is not None and placed(account) and placed(punch)
    distance = metres(account, punch) if known and account else None
    radius = account["radius_m"] if account and account["radius_m"] is not None else 300
    forgiven = min(punch["accuracy_m"] or 0, 100)
    return Fit(
        punch["record_id"],
        instant,
        off,
        distance,
        start - AROUND <= instant <= end + AROUND,
        distance is not None and distance - forgiven <= radius,
        working_day(punch) == local(start).date(),
    )


def assignments(visits: Sequence[str], fits: Fits) -> Iterator[tuple[int, float, dict[str, str]]]:
    """All ways to pair visits with check-ins that verify them, a check-in at most once: count, cost, pairs."""
    if not visits:
        yield 0, 0.0, {}
        return
    for count, cost, pairs in assignments(visits[1:], fits):
        yield count, cost, pairs
        for f in fits[visits[0]]:
            if f.in_time and f.in_range and f.record_id not in pairs.values():
                yield count + 1, cost + f.cost, {**pairs, visits[0]: f.record_id}


def groups(visits: Sequence[str], fits: Fits) -> Iterator[list[str]]:
    """Visits that share a verifying check-in, directly or through others; the rest one by one."""
    left = list(visits)
    while left:
        group, reach = [], [left[0]]
        while reach:
            visit = reach.pop()
            if visit not in left:
                continue
            left.remove(visit)
            group.append(visit)
            ours = {f.record_id for f in fits[visit] if f.in_time and f.in_range}
            reach += [v for v in left if ours & {f.record_id for f in fits[v] if f.in_time and f.in_range}]
        yield group


def proofs(visits: Sequence[str], fits: Fits, chosen: Mapping[str, str]) -> dict[str, str]:
    """The best pairs; where several are equally good, the ones that the product chose if they are among them."""
    best: dict[str, str] = {}
    for group in groups(visits, fits):
        ways = list(assignments(group, fits))
        most = max(count for count, _, _ in ways)
        least = min(cost for count, cost, _ in ways if count == most)
        good = [pairs for count, cost, pairs in ways if count == most and cost <= least + 1e-6]
        theirs = {v: chosen[v] for v in group if v in chosen}
        best |= theirs if theirs in good else good[0]
    return best


def verdict(visit: Row, account: Row | None, fits: Sequence[Fit], proof: str | None, free: set[str]) -> dict[str, Any]:
    """The first that holds, and the check-in that speaks for it: least minutes off + metres / 10, then the earliest."""
    tests: list[tuple[str, Callable[[Fit], bool]]] = [
        ("verified", lambda f: f.record_id == proof),
        ("off_schedule", lambda f: f.record_id in free and f.in_range and f.same_day and not f.in_time),
        ("out_of_range", lambda f: f.record_id in free and f.in_time and f.distance is not None),
        ("unverifiable", lambda f: f.record_id in free and f.in_time),
    ]
    for name, holds in tests:
        if found := [f for f in fits if holds(f)]:
            best = min(found, key=lambda f: (f.cost, f.at, f.record_id))
            return {"verdict": name, "record_id": best.record_id, "minutes_off": best.off, "distance_m": best.distance}
    name = "no_check_in" if account is not None and placed(account) else "unverifiable"
    return {"verdict": name, "record_id": None, "minutes_off": None, "distance_m": None}


def visit_checks(company: Company, days: Sequence[date], chosen: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Rows by visit id; ``chosen``: the proofs of the product, which only break ties."""
    accounts = {a["account_id"]: a for a in company.accounts}
    numbers = {u["crm_user_id"]: u["employee_no"] for u in company.crm_users}
    rows: dict[str, dict[str, Any]] = {}
    for employee in company.employees:
        if not employee["employee_no"]:
            continue
        checked = {
            v["visit_id"]: v
            for v in company.visits
            if numbers.get(v["owner_id"]) == employee["employee_no"]
            and v["status"] != "cancelled"
            and not v["deleted"]
            and v["planned_start"]
            and employed(employee, local(v["planned_start"]).date())
        }
        mine = [p for p in company.punches if p["user_id"] == employee["user_id"] and p["kind"] == "field"]
        by_day = [[p for p in mine if working_day(p) == day] for day in {working_day(p) for p in mine}]
        check_ins = [p for punches in by_day for p in once(punches)]
        fits = {n: [fit(v, accounts.get(v["account_id"]), p) for p in check_ins] for n, v in checked.items()}
        proven = proofs(list(checked), fits, chosen)
        free = {p["record_id"] for p in check_ins} - set(proven.values())
        for name, visit in checked.items():
            day = local(visit["planned_start"]).date()
            if day in days:
                row = verdict(visit, accounts.get(visit["account_id"]), fits[name], proven.get(name), free)
                rows[name] = {"employee_id": person_of(employee), "work_date": day, **row}
    return rows
