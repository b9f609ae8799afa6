"""Situations in which it is hard to tell which check-in belongs to which visit.

Customers of one building on one day, one check-in for two of them, a second check-in on leaving, and a visit whose plan
was moved to another day after the rep had been there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from fieldwork.sandbox.city_calendar import MINUTE
from fieldwork.sandbox.city_geography import ACCOUNTS_PER_REP, Accounts, moved
from fieldwork.sandbox.city_leave import Plan
from fieldwork.sandbox.city_random import Draws, Ints
from fieldwork.sandbox.city_visits import NONE, VISITS, CheckIns, VisitPlan, colliding, on_duty

#: shares of the visits
_NEXT_DOOR: Final = 0.06
_AT_ONCE: Final = 0.1
_LEAVING: Final = 0.12
_MOVED: Final = 0.012


def share_buildings(visits: VisitPlan, accounts: Accounts, draws: Draws) -> VisitPlan:
    """Some go from one customer to the one next door: the account of the visit after is the neighbour of its own."""
    account = visits.account.copy()
    wanted = draws.chance(_NEXT_DOOR, account.shape)
    chosen = np.concatenate([account, visits.others], axis=1)
    for place in range(1, VISITS):
        neighbour = _neighbour(account[:, place - 1], accounts)
        new = (chosen != neighbour[:, None]).all(axis=1) & (neighbour != NONE)
        account[:, place] = np.where(wanted[:, place] & new, neighbour, account[:, place])
        chosen[:, place] = account[:, place]
    return replace(visits, account=account)


def _neighbour(account: Ints, accounts: Accounts) -> Ints:
    """The account in the same building, NONE where there is none."""
    count = len(accounts.beside)
    after = np.minimum(account + 1, count - 1)
    follows = accounts.beside[after] & (after % ACCOUNTS_PER_REP > 0) & (after > account)
    before = accounts.beside[account]
    return np.select([before, follows], [account - 1, after], default=NONE)


def check_in_once(moments: CheckIns, visits: VisitPlan, accounts: Accounts, draws: Draws) -> CheckIns:
    """Some who see two customers of one building check in at the first alone."""
    kept = np.ones(moments.made.shape, dtype=bool)
    next_door = visits.account[:, 1:] == _neighbour(visits.account[:, :-1].ravel(), accounts).reshape(-1, VISITS - 1)
    both = next_door & moments.made[:, : VISITS - 1] & visits.exists[:, 1:]
    kept[:, 1:VISITS] = ~(both & draws.chance(_AT_ONCE, both.shape))
    return moments.only(kept)


def move_plans(moments: CheckIns, visits: VisitPlan, accounts: Accounts, plan: Plan, draws: Draws) -> CheckIns:
    """Some had been there the working day before: the plan was moved to the next one after they had checked in.

    The check-in stands in the first off-plan place of its day; on the day of the plan they do not come again.
    """
    rows = len(visits.person)
    before = np.arange(-1, rows - 1)
    follows = (visits.person == visits.person[before]) & (before >= 0)
    away = plan.away[visits.person, visits.day]
    place = draws.between(0, VISITS - 1, rows)
    here = np.arange(rows), place
    was_there = follows & ~away & ~away[before] & draws.chance(_MOVED * VISITS, rows) & moments.made[here]
    was_there &= ~(visits.account[before] == visits.account[here][:, None]).any(axis=1)
    now, then = np.flatnonzero(was_there), before[was_there]
    account = visits.account[now, place[now]]
    seen = moved(accounts.latitude[account], accounts.longitude[account], draws.uniform(0, 60, len(now)), draws)
    made, at = moments.made.copy(), moments.at.copy()
    latitude, longitude = moments.latitude.copy(), moments.longitude.copy()
    purpose, customer = moments.purpose.copy(), moments.customer.copy()
    made[now, place[now]] = False
    made[then, VISITS] = True
    at[then, VISITS] = moments.at[now, place[now]]
    latitude[then, VISITS], longitude[then, VISITS] = seen
    purpose[then, VISITS] = now * VISITS + place[now]
    customer[then, VISITS] = account
    return _possible(CheckIns(made, at, latitude, longitude, moments.located, purpose, customer), visits, plan)


def leave(moments: CheckIns, visits: VisitPlan, accounts: Accounts, plan: Plan, draws: Draws) -> CheckIns:
    """Some check in a second time when they leave: VISITS more places, the k-th for the k-th visit."""
    shape = (len(visits.person), VISITS)
    made = moments.made[:, :VISITS] & (moments.customer[:, :VISITS] != NONE) & draws.chance(_LEAVING, shape)
    stayed = np.maximum(10 * MINUTE, visits.ends - visits.starts + draws.between(-15 * MINUTE, 20 * MINUTE, shape))
    account = visits.account
    seen = moved(accounts.latitude[account], accounts.longitude[account], draws.uniform(0, 60, shape), draws)
    more = CheckIns(
        made=made,
        at=moments.at[:, :VISITS] + stayed,
        latitude=seen[0],
        longitude=seen[1],
        located=moments.located[:, :VISITS],
        purpose=moments.purpose[:, :VISITS],
        customer=moments.customer[:, :VISITS],
    )
    pairs = zip(vars(moments).values(), vars(more).values(), strict=True)
    return _possible(CheckIns(*(np.concatenate(pair, axis=1) for pair in pairs)), visits, plan)


def _possible(moments: CheckIns, visits: VisitPlan, plan: Plan) -> CheckIns:
    return moments.only(on_duty(moments, visits, plan)).only(~colliding(moments))
