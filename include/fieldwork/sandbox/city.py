"""A small invented city: people, customers, shifts, what they did, and what two systems recorded of it.

The same options give the same company to the byte. ``faults`` says how good the records are: ``none`` records every
fact so that DESIGN §6 has one answer, the truth; ``usual`` has the noise of real systems; ``storm`` has bad rows too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import pyarrow as pa

from fieldwork.errors import ConfigError
from fieldwork.sandbox.city_attendance import OfficeDays, live_office_days
from fieldwork.sandbox.city_calendar import Days, read_days
from fieldwork.sandbox.city_crm import Numbers, number_visits, opportunities_table, tasks_table, visits_table
from fieldwork.sandbox.city_geography import Accounts, accounts_table, make_accounts
from fieldwork.sandbox.city_leave import Plan, leave_table, make_plan
from fieldwork.sandbox.city_margins import clear_cases
from fieldwork.sandbox.city_noise import NOISE, Faults, Fixes, fix, spoil
from fieldwork.sandbox.city_people import People, crm_users_table, employees_table, make_people, roster
from fieldwork.sandbox.city_punches import punches_table
from fieldwork.sandbox.city_random import Draws, Ints
from fieldwork.sandbox.city_situations import check_in_once, leave, move_plans, share_buildings
from fieldwork.sandbox.city_storm import storm
from fieldwork.sandbox.city_truth import PersonDays, attendance_truth, check_in_truth, judge_days, visit_truth
from fieldwork.sandbox.city_visits import CheckIns, VisitPlan, check_in, make_room, plan_visits
from fieldwork.sandbox.company import Company

FEWEST_PEOPLE: Final = 8
MOST_PEOPLE: Final = 99_999

#: the random numbers of a topic
_Draw = Callable[[str], Draws]


@dataclass(frozen=True)
class _Life:
    """What happened in the city, before anybody wrote it down."""

    days: Days
    people: People
    accounts: Accounts
    plan: Plan
    office: OfficeDays
    visits: VisitPlan
    #: where reps were, whether or not they checked in
    moments: CheckIns
    #: the moments at which they did
    check_ins: CheckIns
    fixes: Fixes
    #: what is wrong with the positions, by their place in city_noise.SPOILT; -1 = nothing
    spoilt: Ints


def generate(
    *,
    people: int = 60,
    days: int = 14,
    seed: int = 20261102,
    faults: Faults = "usual",
    start: date = date(2026, 11, 2),
    checkin_share: float = 0.3,
) -> Company:
    """Make the city. ``checkin_share`` of the people use 签到 for their field punches, the others 外勤打卡.

    Raises ConfigError for options that make no city, CalendarYearUnknown for days without a decree.
    """
    _check_options(people, days, seed, faults, checkin_share)

    def draw(topic: str) -> Draws:
        return Draws(seed, topic)

    life = _live(people, read_days(start, days), faults, checkin_share, draw)
    judged = judge_days(life.plan, life.office, life.visits, life.check_ins, life.days)
    numbers = number_visits(life.visits, life.days)
    tables = _record(life, judged, numbers, faults, draw)
    return Company(
        name="Fieldwork City",
        since=start,
        until=start + timedelta(days=days),
        tables=storm(tables, life.days, draw("storm")) if faults == "storm" else tables,
        truth=_truth(life, judged, numbers),
        roster=roster(life.people),
    )


def _check_options(people: int, days: int, seed: int, faults: str, checkin_share: float) -> None:
    wrong = [
        (not FEWEST_PEOPLE <= people <= MOST_PEOPLE, f"people must be {FEWEST_PEOPLE} to {MOST_PEOPLE}"),
        (days < 1, "days must be 1 or more"),
        (seed < 0, "seed must not be negative"),
        (faults not in NOISE, f"faults must be one of {', '.join(NOISE)}"),
        (not 0 <= checkin_share <= 1, "checkin_share must be 0 to 1"),
    ]
    said = "; ".join(text for holds, text in wrong if holds)
    if said:
        raise ConfigError(f"No city can be made: {said}.", todo="Change the option.")


def _live(people: int, days: Days, faults: Faults, checkin_share: float, draw: _Draw) -> _Life:
    clean, noise = faults == "none", NOISE[faults]
    staff = make_people(people, len(days), leavers=not clean, checkin_share=checkin_share, draws=draw("people"))
    reps = staff.rep.nonzero()[0]
    accounts = make_accounts(reps, staff.city[reps], draw("accounts"))
    plan = make_plan(staff, days, draw("plan"))
    office = live_office_days(staff, days, plan, tight=not clean, draws=draw("office"))
    visits = plan_visits(staff, plan, office, accounts, apart=clean, draws=draw("visits"))
    if not clean:
        visits = share_buildings(visits, accounts, draw("buildings"))
    moments = check_in(visits, plan, office, accounts, strays=not clean, draws=draw("check-ins"))
    moments = check_in_once(moments, visits, accounts, draw("one check-in for two"))
    moments = move_plans(moments, visits, accounts, plan, draw("moved plans"))
    moments = leave(moments, visits, accounts, plan, draw("leaving"))
    fixes = fix(moments.latitude, moments.longitude, noise, draw("fixes"))
    fixes, spoilt = spoil(fixes, moments.made, moments.at, noise, draw("spoilt fixes"))
    if clean:
        accurate = ~staff.checks_in[visits.person]
        moments = moments.only(clear_cases(visits, moments, fixes, accurate, accounts, plan))
    check_ins = moments.only(~draw("forgotten").chance(noise.forgotten, moments.made.shape))
    office = make_room(office, visits, check_ins)
    return _Life(days, staff, accounts, plan, office, visits, moments, check_ins, fixes, spoilt)


def _record(life: _Life, judged: PersonDays, numbers: Numbers, faults: Faults, draw: _Draw) -> dict[str, pa.Table]:
    """The streams, in the order of ``STREAMS``."""
    staff, days, accounts, late_edits = life.people, life.days, life.accounts, faults != "none"
    return {
        "employees": employees_table(staff, days),
        "crm_users": crm_users_table(staff, days, draw("crm_users")),
        "accounts": accounts_table(accounts, staff.crm_user_id, int(days.midnight[0]), draw("accounts table")),
        "punches": punches_table(
            staff, days, life.plan, life.office, life.visits, life.check_ins, life.fixes, judged,
            late_edits=late_edits, draws=draw("punches"),
        ),
        "leave": leave_table(staff, life.plan.approvals),
        "visits": visits_table(
            staff, days, accounts, life.visits, life.moments, numbers, late_edits=late_edits, draws=draw("crm visits")
        ),
        "tasks": tasks_table(staff, days, accounts, draw("tasks")),
        "opportunities": opportunities_table(staff, days, accounts, draw("opportunities")),
    }  # fmt: skip


def _truth(life: _Life, judged: PersonDays, numbers: Numbers) -> dict[str, pa.Table]:
    told = life.people, life.days, life.visits, life.check_ins, life.accounts
    return {
        "attendance": attendance_truth(life.people, life.days, life.plan, judged),
        "visits": visit_truth(*told, numbers.ids, numbers.of),
        "checkins": check_in_truth(*told, life.spoilt, numbers.ids, numbers.of),
    }
