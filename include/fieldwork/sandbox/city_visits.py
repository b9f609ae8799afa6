"""Visits: what reps planned, what they did about it, and where they checked in.

One row per rep and working day, in arrays of fixed width: VISITS places for planned visits, ARRIVALS places for
check-ins, of which the k-th of the first VISITS was made on coming to the k-th visit and the rest for no plan of the
day. :mod:`fieldwork.sandbox.city_situations` adds what makes it hard to tell them apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from fieldwork.sandbox.city_attendance import OfficeDays
from fieldwork.sandbox.city_calendar import HOUR, MINUTE
from fieldwork.sandbox.city_geography import ACCOUNTS_PER_REP, Accounts, distance, moved
from fieldwork.sandbox.city_leave import Plan
from fieldwork.sandbox.city_people import People
from fieldwork.sandbox.city_random import Draws, Flags, Floats, Ints

VISITS: Final = 5
OFF_PLAN: Final = 2
ARRIVALS: Final = VISITS + OFF_PLAN
#: no customer, no visit
NONE: Final = -1
#: a check-in counts from this long before the planned start until this long after the planned end (DESIGN §6)
WINDOW: Final = 120 * MINUTE
#: check-ins closer than this to another punch are not made: within 30 s they would count as one
_APART: Final = 90
#: customers of one day are at least this far from each other, where nothing may be doubtful
_FAR_APART: Final = 1_500.0

_OUTCOMES: Final = {
    "came": 0.865,
    "too early": 0.015,
    "too late": 0.015,
    "elsewhere": 0.02,
    "no position": 0.01,
    "skipped": 0.075,
}
(_CAME, _TOO_EARLY, _TOO_LATE, _ELSEWHERE, _NO_POSITION, _SKIPPED) = range(len(_OUTCOMES))


@dataclass(frozen=True)
class VisitPlan:
    """(rows, VISITS) beside ``person`` and ``day`` (rows). Seconds after the day's midnight."""

    person: Ints
    day: Ints
    account: Ints
    #: the visit is in the CRM
    exists: Flags
    starts: Ints
    ends: Ints
    cancelled: Flags
    deleted: Flags
    #: two more customers of the rep, whom nobody planned to see: (rows, OFF_PLAN)
    others: Ints

    @property
    def counted(self) -> Flags:
        """In the CRM, not cancelled, not deleted: these get a verdict."""
        return self.exists & ~self.cancelled & ~self.deleted


@dataclass(frozen=True)
class CheckIns:
    """(rows, check-ins): when and where people really were; ``located``: the record has a position."""

    made: Flags
    at: Ints
    latitude: Floats
    longitude: Floats
    located: Flags
    #: the visit that it was made for, row * VISITS + place; NONE = off plan
    purpose: Ints
    #: the customer at whose place it was made, a position among the accounts; NONE = elsewhere
    customer: Ints

    def only(self, kept: Flags) -> CheckIns:
        """Without the others, which then were never made."""
        return replace(self, made=self.made & kept)

    def own(self, part: slice) -> Flags:
        """(rows of the part, VISITS, check-ins): was it made for the visit of its own day."""
        rows = np.arange(len(self.made))[part, None]
        place = self.purpose[part] - rows * VISITS
        mine: Flags = place[:, None, :] == np.arange(VISITS)[:, None]
        return mine


def plan_visits(
    people: People, plan: Plan, office: OfficeDays, accounts: Accounts, *, apart: bool, draws: Draws
) -> VisitPlan:
    """Two to five visits on every working day of a rep; ``apart``: never two customers close to each other."""
    reps = np.flatnonzero(people.rep)
    rep_rank, day = np.nonzero(plan.working[reps])
    person = reps[rep_rank]
    rows = len(person)
    chosen = draws.order((rows, ACCOUNTS_PER_REP))[:, :ARRIVALS] + rep_rank[:, None] * ACCOUNTS_PER_REP
    account, others = chosen[:, :VISITS], chosen[:, VISITS:]
    count = 2 + draws.pick({"2": 0.1, "3": 0.2, "4": 0.3, "5": 0.4}, rows)
    place = np.arange(VISITS)
    exists = place < count[:, None]
    direct = office.direct[person, day]
    opens = np.where(direct, 8 * HOUR + 30 * MINUTE, 9 * HOUR + 30 * MINUTE)
    pitch = (17 * HOUR + 30 * MINUTE - opens) // count
    starts = opens[:, None] + place * pitch[:, None] + draws.between(0, 3, (rows, VISITS)) * 5 * MINUTE
    starts = np.where(direct[:, None] & (place == 0), opens[:, None], starts) // (5 * MINUTE) * (5 * MINUTE)
    ends = starts + draws.between(2, 4, (rows, VISITS)) * 15 * MINUTE
    away = plan.away[person, day]
    cancelled = draws.chance(0.04, exists.shape) | (away[:, None] & draws.chance(0.6, exists.shape))
    deleted = ~cancelled & draws.chance(0.01, exists.shape)
    if apart:
        exists &= ~_crowded(account, exists, accounts)
    return VisitPlan(person, day, account, exists, starts, ends, cancelled & exists, deleted & exists, others)


def _crowded(account: Ints, exists: Flags, accounts: Accounts) -> Flags:
    """(rows, VISITS): close to the customer of an earlier visit of the day."""
    crowded = np.zeros(exists.shape, dtype=bool)
    for later in range(1, VISITS):
        for earlier in range(later):
            metres = distance(*_of(accounts, account[:, later]), *_of(accounts, account[:, earlier]))
            crowded[:, later] |= exists[:, earlier] & (metres < _FAR_APART)
    return crowded


def _of(accounts: Accounts, position: Ints) -> tuple[Floats, Floats]:
    return accounts.latitude[position], accounts.longitude[position]


def check_in(
    visits: VisitPlan, plan: Plan, office: OfficeDays, accounts: Accounts, *, strays: bool, draws: Draws
) -> CheckIns:
    """What reps did about their plans; ``strays``: some go although the visit was cancelled."""
    rows = len(visits.person)
    shape = (rows, VISITS)
    outcome = draws.pick(_OUTCOMES, shape)
    off = (plan.away | office.absent)[visits.person, visits.day]
    goes = visits.exists & ~visits.deleted & (outcome != _SKIPPED) & ~off[:, None]
    goes &= ~visits.cancelled | (draws.chance(0.2, shape) & strays)
    at = visits.starts + draws.between(-20 * MINUTE, 30 * MINUTE, shape)
    at = np.where(outcome == _TOO_EARLY, visits.starts - WINDOW - draws.between(2 * MINUTE, 30 * MINUTE, shape), at)
    at = np.where(outcome == _TOO_LATE, visits.ends + WINDOW + draws.between(2 * MINUTE, 50 * MINUTE, shape), at)
    direct_first = office.direct[visits.person, visits.day][:, None] & (np.arange(VISITS) == 0)
    prompt = visits.starts + draws.between(-10 * MINUTE, 25 * MINUTE, shape)
    at = np.where(direct_first & (outcome == _CAME), prompt, at)
    metres = np.where(outcome == _ELSEWHERE, draws.uniform(1_000, 6_000, shape), draws.uniform(0, 60, shape))
    planned = moved(*_of(accounts, visits.account), metres, draws)

    spare = (rows, OFF_PLAN)
    extra = (draws.uniform(0, 1, spare) < np.array([0.3, 0.08])) & ~off[:, None]
    spare_at = draws.between(9 * HOUR + 10 * MINUTE, 19 * HOUR, spare)
    spare_place = moved(*_of(accounts, visits.others), draws.uniform(0, 60, spare), draws)
    customer = np.where(outcome == _ELSEWHERE, NONE, visits.account)
    purpose = np.arange(rows * VISITS).reshape(shape)
    moments = CheckIns(
        made=np.concatenate([goes, extra], axis=1),
        at=np.concatenate([at, spare_at], axis=1),
        latitude=np.concatenate([planned[0], spare_place[0]], axis=1),
        longitude=np.concatenate([planned[1], spare_place[1]], axis=1),
        located=np.concatenate([outcome != _NO_POSITION, np.ones(spare, dtype=bool)], axis=1),
        purpose=np.concatenate([purpose, np.full(spare, NONE)], axis=1),
        customer=np.concatenate([customer, visits.others], axis=1),
    )
    return moments.only(on_duty(moments, visits, plan)).only(~colliding(moments))


def on_duty(moments: CheckIns, visits: VisitPlan, plan: Plan) -> Flags:
    """Not within a part-day leave."""
    starts = plan.starts[visits.person, visits.day][:, None]
    ends = plan.ends[visits.person, visits.day][:, None]
    return ~plan.partly_away[visits.person, visits.day][:, None] | ((starts <= moments.at) & (moments.at < ends))


def colliding(moments: CheckIns) -> Flags:
    """Too close in time to a check-in that stands before it in the row."""
    colliding = np.zeros(moments.made.shape, dtype=bool)
    for later in range(1, moments.made.shape[1]):
        for earlier in range(later):
            apart = np.abs(moments.at[:, later] - moments.at[:, earlier])
            colliding[:, later] |= moments.made[:, earlier] & (apart < _APART)
    return colliding


def make_room(office: OfficeDays, visits: VisitPlan, moments: CheckIns) -> OfficeDays:
    """The office punches without those at the moment of a check-in: a rep on the way has no hand free."""
    made = office.made.copy()
    at = office.at[visits.person, visits.day]
    close = (np.abs(at[:, :, None] - moments.at[:, None, :]) < _APART) & moments.made[:, None, :]
    made[visits.person, visits.day] &= ~close.any(axis=2)
    return replace(office, made=made)


def cost(visits: VisitPlan, moments: CheckIns, accounts: Accounts, first: int) -> Floats:
    """(rows, VISITS): whole minutes off + metres / 10 of the check-ins from place ``first`` on, each for its visit."""
    own = slice(first, first + VISITS)
    at = moments.at[:, own]
    off = np.maximum(np.maximum(visits.starts - at, at - visits.ends), 0) // MINUTE
    metres = distance(moments.latitude[:, own], moments.longitude[:, own], *_of(accounts, visits.account))
    added: Floats = off + metres / 10
    return added
