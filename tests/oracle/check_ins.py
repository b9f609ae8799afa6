"""What docs/rules.md says about check-ins beyond the verdicts, once more in plain loops: odd positions, stays, and the
check-ins that prove no visit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from tests.oracle.section6 import Row, minutes
from tests.oracle.visits import Fit, metres, placed

NEARBY: Final = 1000.0
POOR: Final = 1000.0
LIMIT_KMH: Final = 900.0


def no_place(row: Row) -> str | None:
    """Why a position is none."""
    latitude, longitude = row["latitude"], row["longitude"]
    if latitude is None and longitude is None:
        return "check_in_not_located"
    if latitude is None or longitude is None:
        return "position_incomplete"
    if abs(latitude) > 90 or abs(longitude) > 180:
        return "out_of_bounds"
    return "null_island" if (latitude, longitude) == (0, 0) else None


def signals(punch: Row, day: Sequence[Row]) -> list[str]:
    """``day``: the check-ins of the working day in the order of time, near-duplicates once."""
    found = [no_place(punch)] if no_place(punch) not in (None, "check_in_not_located") else []
    if placed(punch):
        accuracy = punch["accuracy_m"]
        if accuracy is not None:
            odd = (
                ("accuracy_negative", accuracy < 0),
                ("accuracy_poor", accuracy > POOR),
                ("accuracy_zero", accuracy == 0),
            )
            found += [name for name, holds in odd if holds]
        before = [p for p in day[: day.index(punch)] if placed(p)]
        if before and too_fast(before[-1], punch):
            found.append("impossible_travel")
        if any((p["latitude"], p["longitude"]) == (punch["latitude"], punch["longitude"]) for p in before):
            found.append("repeated_position")
    return sorted(name for name in found if name)


def too_fast(one: Row, other: Row) -> bool:
    blurred = max(one["accuracy_m"] or 0, 0) + max(other["accuracy_m"] or 0, 0)
    hours = (other["punched_at"] - one["punched_at"]) / timedelta(hours=1)
    return metres(one, other) - blurred > LIMIT_KMH * 1000 * hours


def stay(fits: Mapping[str, Fit], own: str, day: Sequence[Row], others: set[str]) -> dict[str, int | None]:
    """Of a visit whose check-in ``own`` is in range; ``others``: check-ins that prove other visits."""
    places = [p for p in day if placed(p)]
    here = {
        p["record_id"]
        for p in places
        if (f := fits[p["record_id"]]).in_range and (f.in_time or f.same_day) and p["record_id"] not in others
    }
    at = next(n for n, p in enumerate(places) if p["record_id"] == own)
    first, last = at, at
    while first > 0 and places[first - 1]["record_id"] in here:
        first -= 1
    while last + 1 < len(places) and places[last + 1]["record_id"] in here:
        last += 1
    begun = places[first]["punched_at"]
    return {
        "stayed_minutes": minutes(places[last]["punched_at"] - begun) if last > first else None,
        "stayed_at_most_minutes": minutes(places[last + 1]["punched_at"] - begun) if last + 1 < len(places) else None,
    }


def unmatched(
    punch: Row, fits: Mapping[str, Fit], visits: Mapping[str, Row], located: Mapping[str, bool], accounts: Sequence[Row]
) -> dict[str, Any]:
    """The row of a check-in that proves nothing; ``fits`` and ``located`` by visit, ``accounts``: all known ones."""
    candidates = [(v, f) for v, f in fits.items() if f.in_time or (f.in_range and f.same_day)]
    ranked = sorted(candidates, key=lambda c: (rank(c[1]), c[1].cost, visits[c[0]]["planned_start"], c[0]))
    visit, best = ranked[0] if ranked else (None, None)
    reason, account, distance = "no_customer_near", None, None
    if visit and best and rank(best) <= 3:
        reason = ("already_proven", "other_hour", "too_far")[rank(best) - 1]
        account, distance = visits[visit]["account_id"], best.distance
    else:
        near = min(known(punch, accounts), default=None) if no_place(punch) is None else None
        if near:
            reason, account, distance = "near_customer", near[2], near[1]
        if near and not near[0]:
            reason = "off_plan"
        elif no_place(punch):
            reason = str(no_place(punch))
        elif visit and best:
            reason = "too_far" if located[visit] else "customer_not_located"
    return {"visit_id": visit, "account_id": account, "distance_m": distance, "reason_code": reason}


def rank(fit: Fit) -> int:
    if fit.in_range:
        return 1 if fit.in_time else 2
    if fit.distance is None:
        return 5
    return 3 if fit.distance <= NEARBY else 4


def known(punch: Row, accounts: Sequence[Row]) -> Iterator[tuple[bool, float, str]]:
    """Out of its geofence, metres, id: of the customers nearby."""
    for account in accounts:
        if placed(account) and (distance := metres(account, punch)) <= NEARBY:
            radius = 300 if account["radius_m"] is None else account["radius_m"]
            yield distance - min(max(punch["accuracy_m"] or 0, 0), 100) > radius, distance, account["account_id"]
