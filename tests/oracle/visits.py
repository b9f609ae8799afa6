"""The visit check of DESIGN section 6 once more: pairs of visits and check-ins are found by trying them all.

Written from the text, like :mod:`tests.oracle.section6`; the rules of attendance and of working days are there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from tests.oracle.section6 import Row, local, minutes, working_day

AROUND: Final = timedelta(minutes=120)


def placed(row: Row) -> bool:
    """(0, 0) and what is no degree are no places."""
    latitude, longitude = row["latitude"], row["longitude"]
    if latitude is None or longitude is None or (latitude, longitude) == (0, 0):
        return False
    return abs(latitude) <= 90 and abs(longitude) <= 180


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
    def proves(self) -> bool:
        return self.in_time and self.in_range

    @property
    def cost(self) -> int:
        """Minutes off + metres / 10 to the centimetre, in thousandths."""
        return self.off * 1000 + round((self.distance or 0) * 100)


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
    forgiven = min(max(punch["accuracy_m"] or 0, 0), 100)
    return Fit(
        punch["record_id"],
        instant,
        off,
        distance,
        start - AROUND <= instant <= end + AROUND,
        distance is not None and distance - forgiven <= radius,
        working_day(punch) == local(start).date(),
    )


def assignments(visits: Sequence[str], fits: Fits) -> Iterator[tuple[int, int, dict[str, str]]]:
    """All ways to pair visits with check-ins that verify them, a check-in at most once: count, cost, pairs."""
    if not visits:
        yield 0, 0, {}
        return
    for count, cost, pairs in assignments(visits[1:], fits):
        yield count, cost, pairs
        for f in fits[visits[0]]:
            if f.proves and f.record_id not in pairs.values():
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
            ours = {f.record_id for f in fits[visit] if f.proves}
            reach += [v for v in left if ours & {f.record_id for f in fits[v] if f.proves}]
        yield group


def proofs(visits: Sequence[str], fits: Fits, chosen: Mapping[str, str]) -> dict[str, str]:
    """The best pairs; where several are equally good, the ones that the product chose if they are among them."""
    best: dict[str, str] = {}
    for group in groups(visits, fits):
        ways = list(assignments(group, fits))
        most = max(count for count, _, _ in ways)
        least = min(cost for count, cost, _ in ways if count == most)
        # where half a centimetre lies depends on the formula for distances
        good = [pairs for count, cost, pairs in ways if count == most and cost <= least + len(group)]
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
