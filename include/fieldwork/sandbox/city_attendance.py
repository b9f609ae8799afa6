"""When people came and went: the punches at the office of every working day, and of a few days off.

Seconds after the working day's midnight; what falls on a place where ``made`` is false never happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from fieldwork.sandbox.city_calendar import FLEXIBLE, FLEXIBLE_REQUIRED, HOUR, MINUTE, NIGHT, OFFICE, REST, Days
from fieldwork.sandbox.city_leave import Plan
from fieldwork.sandbox.city_people import People
from fieldwork.sandbox.city_random import Draws, Flags, Ints

#: the punches of a day; the two of lunch carry no base time
ARRIVE, LUNCH_OUT, LUNCH_IN, DEPART = 0, 1, 2, 3
PUNCHES: Final = 4
#: which of them are of kind ``in``
INWARD: Final = np.array([True, False, True, False])

#: what goes wrong with a day's punches, and how often
_DAYS_GONE_WRONG: Final = {
    "absent": 0.006,
    "only arrival": 0.006,
    "only going": 0.006,
    "one lunch punch": 0.012,
    "no arrival": 0.004,
    "no departure": 0.004,
    "nothing": 0.962,
}
(_ABSENT, _ONLY_ARRIVAL, _ONLY_GOING, _ONE_LUNCH, _NO_ARRIVAL, _NO_DEPARTURE, _FINE) = range(len(_DAYS_GONE_WRONG))


@dataclass(frozen=True)
class OfficeDays:
    """``at`` and ``made``: (people, days, PUNCHES). ``absent`` and ``direct`` (a rep who goes to the first customer
    from home): (people, days)."""

    at: Ints
    made: Flags
    absent: Flags
    direct: Flags


def live_office_days(people: People, days: Days, plan: Plan, *, tight: bool, draws: Draws) -> OfficeDays:
    """What people did. ``tight``: some arrive in the very minute in which the grace ends."""
    shape = plan.working.shape
    late = draws.chance(0.05, shape)
    arrive = _arrivals(plan, late, tight, draws)
    depart = _departures(plan, arrive, late, draws)
    lunch_out = 12 * HOUR + draws.between(0, 12 * MINUTE, shape)
    lunch_in = 12 * HOUR + draws.between(45 * MINUTE, 59 * MINUTE, shape)
    at = np.stack([arrive, lunch_out, lunch_in, depart], axis=-1)

    wrong = draws.pick(_DAYS_GONE_WRONG, shape)
    bound = plan.partly_away | plan.swapped | plan.overtime | ~plan.working | plan.away
    wrong[bound] = _FINE
    wrong[(plan.shift == FLEXIBLE) & ((wrong == _NO_ARRIVAL) | (wrong == _NO_DEPARTURE))] = _FINE
    punctual = plan.ends + draws.between(MINUTE, 30 * MINUTE, shape)
    at[..., DEPART] = np.where((wrong == _ONLY_GOING) & (plan.shift != FLEXIBLE), punctual, at[..., DEPART])

    made = np.repeat((plan.working & ~plan.away)[..., None], PUNCHES, axis=-1)
    made[..., [LUNCH_OUT, LUNCH_IN]] &= ((plan.shift != NIGHT) & ~plan.partly_away)[..., None]
    direct = draws.chance(0.12, shape) & people.rep[:, None] & ~bound
    made[..., ARRIVE] &= ~direct
    skips_lunch = people.rep[:, None] & draws.chance(0.08, shape)
    made[..., [LUNCH_OUT, LUNCH_IN]] &= ~skips_lunch[..., None]
    made[..., DEPART] &= ~(people.rep[:, None] & ~bound & draws.chance(0.06, shape))
    _forget(made, wrong, draws)
    _work_on_rest_days(at, made, people, days, plan, draws)
    return OfficeDays(at, made, wrong == _ABSENT, direct)


def _arrivals(plan: Plan, late: Flags, tight: bool, draws: Draws) -> Ints:
    shape = plan.working.shape
    within_grace = 5 * MINUTE + 59 if tight else 4 * MINUTE
    early_by = np.where(plan.partly_away, 0, 25 * MINUTE)
    fixed = plan.starts + np.floor(draws.uniform(0, 1, shape) * (early_by + within_grace)).astype(np.int64) - early_by
    fixed_late = plan.starts + draws.between(6 * MINUTE if tight else 7 * MINUTE, 95 * MINUTE, shape)
    flexible = draws.between(8 * HOUR, 10 * HOUR - 1 if tight else 10 * HOUR - 2 * MINUTE, shape)
    flexible_late = 10 * HOUR + draws.between(2 * MINUTE, 70 * MINUTE, shape)
    return np.where(plan.shift == FLEXIBLE, np.where(late, flexible_late, flexible), np.where(late, fixed_late, fixed))


def _departures(plan: Plan, arrive: Ints, late: Flags, draws: Draws) -> Ints:
    """Leaving: after the planned end, before it for a few, long after it with approved overtime.

    Part-day leave ends at a whole minute, so that the break's overlap is whole as well. A flexible day is always
    worked in full.
    """
    shape = plan.working.shape
    usual = plan.ends + draws.between(MINUTE, 40 * MINUTE, shape)
    early = plan.ends - draws.between(2 * MINUTE, 120 * MINUTE, shape)
    stays = plan.partly_away | late | plan.overtime
    depart = np.where(draws.chance(0.03, shape) & ~stays, early, usual)
    depart = np.where(plan.overtime, plan.ends + draws.between(HOUR, 3 * HOUR, shape), depart)
    depart = np.where(plan.partly_away, depart // MINUTE * MINUTE, depart)
    whole_day = np.maximum(plan.ends, arrive + FLEXIBLE_REQUIRED) + draws.between(2 * MINUTE, HOUR, shape)
    return np.where(plan.shift == FLEXIBLE, whole_day, depart)


def _forget(made: Flags, wrong: Ints, draws: Draws) -> None:
    """Take out the punches that were never made."""
    made[wrong == _ABSENT] = False
    made[wrong == _ONLY_ARRIVAL, LUNCH_OUT:] = False
    for inward in (ARRIVE, LUNCH_IN):
        made[wrong == _ONLY_GOING, inward] = False
    first = draws.chance(0.5, wrong.shape)
    made[(wrong == _ONE_LUNCH) & first, LUNCH_OUT] = False
    made[(wrong == _ONE_LUNCH) & ~first, LUNCH_IN] = False
    made[wrong == _NO_ARRIVAL, ARRIVE] = False
    made[wrong == _NO_DEPARTURE, DEPART] = False


def _work_on_rest_days(at: Ints, made: Flags, people: People, days: Days, plan: Plan, draws: Draws) -> None:
    """A few come on a rest day, in the afternoon: no break falls into their hours, whatever the shift."""
    shape = plan.working.shape
    comes = draws.chance(0.012, shape) & plan.employed & (days.kind == REST) & (people.shift == OFFICE)[:, None]
    comes &= ~people.rep[:, None]
    at[comes, ARRIVE] = draws.between(13 * HOUR + 5 * MINUTE, 14 * HOUR, shape)[comes]
    at[comes, DEPART] = draws.between(16 * HOUR, 18 * HOUR, shape)[comes]
    made[comes, ARRIVE] = made[comes, DEPART] = True
