"""The streams ``visits``, ``tasks`` and ``opportunities``: what reps entered into the CRM.

Every modified stamp lies before the end of the city's days, so that one read of them sees every row.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fieldwork.sandbox.city_calendar import HOUR, MINUTE, Days
from fieldwork.sandbox.city_geography import ACCOUNTS_PER_REP, Accounts
from fieldwork.sandbox.city_ids import crm_ids
from fieldwork.sandbox.city_people import People
from fieldwork.sandbox.city_random import Draws, Flags, Ints
from fieldwork.sandbox.city_truth import dates, instants
from fieldwork.sandbox.city_visits import VISITS, CheckIns, VisitPlan
from fieldwork.streams import MONEY, STREAMS

_DAY: Final = 24 * HOUR
_STATUSES: Final = pa.array(["planned", "done", "cancelled"])
_TASK_STATUSES: Final = pa.array(["open", "done", "cancelled"])
_STAGES: Final = ("Prospecting", "Proposal", "Negotiation", "Closed Won", "Closed Lost")
_WON, _LOST = 3, 4


@dataclass(frozen=True)
class Numbers:
    """The visits in the order of their ids: row and place in the plan, and the way back (-1 = no visit)."""

    row: Ints
    place: Ints
    of: Ints
    ids: pa.Array


def number_visits(visits: VisitPlan, days: Days) -> Numbers:
    """Give every visit of the CRM its id, in the order of the planned starts."""
    row, place = np.nonzero(visits.exists)
    starts = days.instant(visits.day[row], visits.starts[row, place])
    order = np.lexsort((place, visits.person[row], starts))
    row, place = row[order], place[order]
    of = np.full(visits.exists.shape, -1, dtype=np.int64)
    of[row, place] = np.arange(len(row))
    return Numbers(row, place, of, crm_ids("00U5i", 700_000_000 + np.arange(len(row)) * 3))


def visits_table(
    people: People,
    days: Days,
    accounts: Accounts,
    visits: VisitPlan,
    moments: CheckIns,
    numbers: Numbers,
    *,
    late_edits: bool,
    draws: Draws,
) -> pa.Table:
    """``moments`` as people lived them, check-ins that they forgot included; some mark done what they skipped."""
    row, place = numbers.row, numbers.place
    count, day = len(row), visits.day[row]
    starts = days.instant(day, visits.starts[row, place])
    ends = days.instant(day, visits.ends[row, place])
    came = moments.made[:, :VISITS][row, place]
    claimed = draws.chance(0.04, count)
    done = (came & draws.chance(0.97, count)) | (~came & claimed)
    cancelled, deleted = visits.cancelled[row, place], visits.deleted[row, place]
    done &= ~cancelled & ~deleted
    began = np.where(came, days.instant(day, moments.at[row, place]), starts) // MINUTE * MINUTE
    finished = began + (ends - starts) + draws.between(-10, 15, count) * MINUTE
    asked = starts - draws.between(4 * HOUR, 7 * _DAY, count)
    entered = finished + draws.between(5 * MINUTE, 3 * HOUR, count)
    entered = np.where(draws.chance(0.03, count) & late_edits, entered + draws.between(1, 3, count) * _DAY, entered)
    columns = {
        "visit_id": numbers.ids,
        "owner_id": people.crm_user_id.take(pa.array(visits.person[row])),
        "account_id": accounts.account_id.take(pa.array(visits.account[row, place])),
        "planned_start": instants(starts),
        "planned_end": instants(ends),
        "actual_start": instants(began, ~done),
        "actual_end": instants(finished, ~done),
        "status": _STATUSES.take(pa.array(np.select([cancelled, done], [2, 1], default=0))),
        "modified_at": _stamps(np.where(done, entered, asked), days),
        "deleted": deleted,
    }
    return pa.table(columns, schema=pa.schema(list(STREAMS["visits"].column_types.items())))


def tasks_table(people: People, days: Days, accounts: Accounts, draws: Draws) -> pa.Table:
    """Follow-ups of reps: most are done by the day they are due."""
    person, day = _happening(people, days, 0.5, draws)
    count = len(person)
    account = _some_account(people, person, draws)
    due = days.midnight[day]
    end = draws.pick({"on time": 0.72, "late": 0.1, "open": 0.14, "cancelled": 0.04}, count)
    completed = due + draws.between(9 * HOUR, 19 * HOUR, count)
    completed = np.where(end == 1, completed + draws.between(1, 3, count) * _DAY, completed)
    done = (end <= 1) & (completed < _last_stamp(days))
    status = np.select([done, end == 3], [1, 2], default=0)
    asked = due - draws.between(1, 10, count) * _DAY
    columns = {
        "task_id": crm_ids("00T5i", 300_000_000 + np.arange(count) * 3),
        "owner_id": people.crm_user_id.take(pa.array(person)),
        "account_id": accounts.account_id.take(pa.array(account, mask=draws.chance(0.2, count))),
        "due_on": dates(days.number[day]),
        "completed_at": instants(completed, ~done),
        "status": _TASK_STATUSES.take(pa.array(status)),
        "modified_at": _stamps(np.where(done, completed, asked), days),
        "deleted": draws.chance(0.01, count),
    }
    return pa.table(columns, schema=pa.schema(list(STREAMS["tasks"].column_types.items())))


def opportunities_table(people: People, days: Days, accounts: Accounts, draws: Draws) -> pa.Table:
    """Deals that reps opened in these days; some were closed in them as well. Mostly in CNY, a few in USD."""
    person, day = _happening(people, days, 0.06, draws)
    count = len(person)
    created = days.instant(day, draws.between(9 * HOUR, 18 * HOUR, count))
    takes = draws.between(0, 20, count)
    stage = draws.pick({"new": 0.3, "offer": 0.2, "talks": 0.15, "won": 0.2, "lost": 0.15}, count)
    in_time = day + takes < len(days)
    stage = np.where(in_time, stage, np.minimum(stage, _WON - 1))
    closed = stage >= _WON
    moved = np.where(closed, created + takes * _DAY, created + draws.between(0, 2 * HOUR, count))
    amount = draws.between(50, 5_000, count) * 10_000 + draws.between(0, 99, count)
    cents = pa.array(amount.astype(np.int32)).cast(pa.decimal128(10, 0))
    columns = {
        "opportunity_id": crm_ids("0065i", 500_000_000 + np.arange(count) * 3),
        "owner_id": people.crm_user_id.take(pa.array(person)),
        "account_id": accounts.account_id.take(pa.array(_some_account(people, person, draws))),
        "stage": pa.array(_STAGES).take(pa.array(stage)),
        "amount": pc.multiply(cents, pa.scalar(Decimal("0.01"))).cast(MONEY),
        "currency": pa.array(["CNY", "USD"]).take(pa.array(draws.chance(0.05, count).astype(np.int64))),
        "created_at": instants(created),
        "closed_on": dates(days.number[day] + takes),
        "is_won": stage == _WON,
        "modified_at": _stamps(moved, days),
        "deleted": draws.chance(0.01, count),
    }
    return pa.table(columns, schema=pa.schema(list(STREAMS["opportunities"].column_types.items())))


def _happening(people: People, days: Days, share: float, draws: Draws) -> tuple[Ints, Ints]:
    """Person and day of things that reps do on a ``share`` of their working days."""
    shape = (len(people), len(days))
    happens: Flags = draws.chance(share, shape) & people.employed(len(days)) & days.working & people.rep[:, None]
    day, person = np.nonzero(happens.T)
    return person, day


def _some_account(people: People, person: Ints, draws: Draws) -> Ints:
    """One of the rep's own customers."""
    rank = np.cumsum(people.rep) - 1
    return rank[person] * ACCOUNTS_PER_REP + draws.between(0, ACCOUNTS_PER_REP - 1, len(person))


def _last_stamp(days: Days) -> int:
    return int(days.midnight[-1]) + _DAY - 5 * MINUTE


def _stamps(seconds: Ints, days: Days) -> pa.Array:
    return instants(np.minimum(seconds, _last_stamp(days)))
