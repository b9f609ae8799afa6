"""Leave, trips, outings and overtime: what was approved, and what it does to a person's planned hours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from fieldwork.sandbox.city_calendar import FLEXIBLE, FLEXIBLE_REQUIRED, HOUR, NIGHT, OFFICE, SHIFTS, Days
from fieldwork.sandbox.city_ids import digit_ids
from fieldwork.sandbox.city_people import People
from fieldwork.sandbox.city_random import Draws, Flags, Ints
from fieldwork.streams import STREAMS

SHIFT_STARTS: Final = np.array([shift.starts for shift in SHIFTS])
SHIFT_ENDS: Final = np.array([shift.ends for shift in SHIFTS])

_LEAVE, _TRIP, _OUT, _OVERTIME = "leave", "trip", "out", "overtime"
#: part-day approvals: shift, kind, from, until, and which end of the shift they cover
_PARTS: Final = (
    (OFFICE, _LEAVE, 9 * HOUR, 13 * HOUR, "start"),
    (OFFICE, _LEAVE, 12 * HOUR, 18 * HOUR, "end"),
    (OFFICE, _OUT, 14 * HOUR, 18 * HOUR, "end"),
    (NIGHT, _LEAVE, 22 * HOUR, 26 * HOUR, "start"),
    (NIGHT, _LEAVE, 26 * HOUR, 30 * HOUR, "end"),
)
_NONE: Final = -1


@dataclass(frozen=True)
class Approvals:
    """One place per approval, in arrays of equal length: person, kind, first and last moment (seconds since 1970)."""

    person: Ints
    kind: list[str]
    start_at: Ints
    end_at: Ints


@dataclass(frozen=True)
class Plan:
    """(people, days): what was expected of whom. Seconds after the day's midnight."""

    employed: Flags
    #: employed, and the calendar says work
    working: Flags
    #: position in SHIFTS on the day: the roster's, or another that the attendance system states
    shift: Ints
    #: planned start and end as leave moved them
    starts: Ints
    ends: Ints
    #: away over the whole shift
    away: Flags
    #: away over its start or its end
    partly_away: Flags
    #: another shift than the roster's
    swapped: Flags
    overtime: Flags
    approvals: Approvals


def make_plan(people: People, days: Days, draws: Draws) -> Plan:
    """Who works when, and who asked for leave."""
    shape = (len(people), len(days))
    employed = people.employed(len(days))
    working = employed & days.working
    rostered = np.broadcast_to(people.shift[:, None], shape)
    blocks = _blocks(working, draws)
    away = _covered(blocks, shape) & working
    part = _parts(rostered, working & ~_covered(blocks, shape), draws)
    partly_away = part != _NONE
    free = working & ~away & ~partly_away
    swapped = draws.chance(0.01, shape) & free & (rostered == OFFICE) & ~people.rep[:, None]
    overtime = draws.chance(0.02, shape) & free & ~swapped & (rostered == OFFICE)
    shift = np.where(swapped, FLEXIBLE, rostered)
    starts, ends = _moved(shift, part)
    approvals = _approvals(days, rostered, blocks, part, overtime, draws)
    return Plan(employed, working, shift, starts, ends, away, partly_away, swapped, overtime, approvals)


def leave_table(people: People, approvals: Approvals) -> pa.Table:
    """The approvals as the attendance system has them: the stream ``leave``."""
    order = np.lexsort((approvals.person, approvals.start_at))
    instant = pa.timestamp("us", tz="UTC")
    columns = {
        "approval_id": digit_ids(7_100_000_001, len(order)),
        "user_id": people.user_id.take(pa.array(approvals.person[order])),
        "kind": pa.array(approvals.kind, pa.string()).take(pa.array(order)),
        "start_at": pa.array(approvals.start_at[order] * 1_000_000).cast(instant),
        "end_at": pa.array(approvals.end_at[order] * 1_000_000).cast(instant),
    }
    return pa.table(columns, schema=pa.schema(list(STREAMS["leave"].column_types.items())))


def _blocks(working: Flags, draws: Draws) -> Ints:
    """(people, days): length in days of the leave that begins here, 0 = none; leaves of a person do not overlap."""
    asked = draws.chance(0.01, working.shape) & working
    length = draws.between(1, 3, working.shape)
    blocks = np.zeros(working.shape, dtype=np.int64)
    free_from = np.zeros(len(working), dtype=np.int64)
    for day in range(working.shape[1]):
        begins = asked[:, day] & (free_from <= day)
        blocks[begins, day] = length[begins, day]
        free_from[begins] = day + length[begins, day]
    return blocks


def _covered(blocks: Ints, shape: tuple[int, int]) -> Flags:
    covered = np.zeros(shape, dtype=bool)
    for back in range(int(blocks.max(initial=0))):
        covered[:, back:] |= blocks[:, : shape[1] - back] > back
    return covered


def _parts(rostered: Ints, free: Flags, draws: Draws) -> Ints:
    """(people, days): position in _PARTS of a part-day leave, _NONE for most."""
    part = draws.between(0, len(_PARTS) - 1, rostered.shape)
    fits = np.array([shift for shift, *_ in _PARTS])[part] == rostered
    return np.where(draws.chance(0.03, rostered.shape) & fits & free, part, _NONE)


def _moved(shift: Ints, part: Ints) -> tuple[Ints, Ints]:
    """The planned start and end: a leave over the start moves it to the leave's end, and the other way round."""
    starts, ends = SHIFT_STARTS[shift], SHIFT_ENDS[shift]
    for position, (_, _, begins, stops, covers) in enumerate(_PARTS):
        here = part == position
        if covers == "start":
            starts[here] = stops
        else:
            ends[here] = begins
    return starts, ends


def _approvals(days: Days, rostered: Ints, blocks: Ints, part: Ints, overtime: Flags, draws: Draws) -> Approvals:
    person, first = np.nonzero(blocks)
    length = blocks[person, first]
    shift = rostered[person, first]
    last = first + length - 1
    over = np.maximum(last - len(days) + 1, 0)
    # a whole flexible day is longer than until its earliest end
    whole = np.where(shift == FLEXIBLE, SHIFT_STARTS[shift] + FLEXIBLE_REQUIRED, SHIFT_ENDS[shift])
    ends = days.midnight[last - over] + over * 24 * HOUR + whole
    trip = draws.chance(0.3, len(person))
    people, starts = [person], [days.instant(first, SHIFT_STARTS[shift])]
    stops, kinds = [ends], [_TRIP if away else _LEAVE for away in trip.tolist()]
    for position, (_, kind, begins, until, _) in enumerate(_PARTS):
        person, day = np.nonzero(part == position)
        people.append(person)
        starts.append(days.midnight[day] + begins)
        stops.append(days.midnight[day] + until)
        kinds += [kind] * len(person)
    person, day = np.nonzero(overtime)
    people.append(person)
    starts.append(days.midnight[day] + SHIFTS[OFFICE].ends)
    stops.append(days.midnight[day] + SHIFTS[OFFICE].ends + 3 * HOUR)
    kinds += [_OVERTIME] * len(person)
    return Approvals(np.concatenate(people), kinds, np.concatenate(starts), np.concatenate(stops))
