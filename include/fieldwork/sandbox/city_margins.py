"""Takes the doubtful cases out of a city without faults: what is recorded there allows one reading of DESIGN §6 only.

A check-in near a border (of the time window, of a geofence, of the grace, of another customer's geofence) is not
made; its visit is then one that the person skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from fieldwork.sandbox.city_calendar import MINUTE
from fieldwork.sandbox.city_geography import Accounts, distance
from fieldwork.sandbox.city_leave import Plan
from fieldwork.sandbox.city_noise import Fixes
from fieldwork.sandbox.city_random import Flags
from fieldwork.sandbox.city_visits import ARRIVALS, WINDOW, CheckIns, VisitPlan, cost

#: no case is nearer to a border than this
_METRES: Final = 25.0
_SECONDS: Final = 60
#: minutes + metres / 10 by which two check-ins of one visit must differ
_COST: Final = 5.0
#: no more of a position's error than this is forgiven (DESIGN §6)
ACCURACY_CAP: Final = 100.0
_ROWS_AT_ONCE: Final = 20_000


def chunks(rows: int) -> Iterator[slice]:
    """Slices that keep arrays over pairs of visits and check-ins small."""
    for first in range(0, rows, _ROWS_AT_ONCE):
        yield slice(first, min(first + _ROWS_AT_ONCE, rows))


def clear_cases(
    visits: VisitPlan, moments: CheckIns, fixes: Fixes, accurate: Flags, accounts: Accounts, plan: Plan
) -> Flags:
    """(rows, check-ins): the check-ins about which there is no doubt.

    ``accurate`` (rows): the person's records have an accuracy.
    """
    clear = ~_near_shift(visits, moments, plan) & ~_as_good(visits, moments, accounts)
    for part in chunks(len(visits.person)):
        at = moments.at[part, None, :]
        opens = visits.starts[part, :, None] - WINDOW
        closes = visits.ends[part, :, None] + WINDOW
        doubtful = (np.abs(at - opens) < _SECONDS) | (np.abs(at - closes) < _SECONDS)
        account = visits.account[part, :, None]
        there = accounts.latitude[account], accounts.longitude[account]
        radius = accounts.radius[account]
        really = distance(moments.latitude[part, None, :], moments.longitude[part, None, :], *there) - radius
        forgiven = np.where(accurate[part, None], np.minimum(fixes.accuracy[part], ACCURACY_CAP), 0)[:, None, :]
        recorded = distance(fixes.latitude[part, None, :], fixes.longitude[part, None, :], *there) - forgiven - radius
        blurred = (np.abs(really) < _METRES) | (np.abs(recorded) < _METRES) | ((really < 0) != (recorded < 0))
        doubtful |= blurred | ((recorded < 0) & ~moments.own(part))
        clear[part] &= ~(doubtful & visits.exists[part, :, None]).any(axis=1)
    return clear


def _near_shift(visits: VisitPlan, moments: CheckIns, plan: Plan) -> Flags:
    """(rows, check-ins): so close to the end of the grace, or of the shift, that a second decides."""
    into = moments.at - plan.starts[visits.person, visits.day][:, None]
    before = plan.ends[visits.person, visits.day][:, None] - moments.at
    near: Flags = ((into >= 4 * MINUTE) & (into < 7 * MINUTE)) | (np.abs(before) < _SECONDS)
    return near


def _as_good(visits: VisitPlan, moments: CheckIns, accounts: Accounts) -> Flags:
    """(rows, check-ins): made on leaving, and so nearly as good a proof as the one on coming that noise decides."""
    close = np.zeros(moments.made.shape, dtype=bool)
    coming, leaving = cost(visits, moments, accounts, 0), cost(visits, moments, accounts, ARRIVALS)
    close[:, ARRIVALS:] = np.abs(coming - leaving) < _COST
    return close
