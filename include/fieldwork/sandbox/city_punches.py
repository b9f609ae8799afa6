"""The stream ``punches``: what the attendance system recorded of what people did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from fieldwork.sandbox.city_attendance import ARRIVE, DEPART, INWARD, PUNCHES, OfficeDays
from fieldwork.sandbox.city_calendar import HOUR, Days
from fieldwork.sandbox.city_geography import CITIES, CITY_LATITUDE, CITY_LONGITUDE
from fieldwork.sandbox.city_ids import digit_ids
from fieldwork.sandbox.city_leave import SHIFT_ENDS, SHIFT_STARTS, Plan
from fieldwork.sandbox.city_noise import NOISE, Fixes, fix
from fieldwork.sandbox.city_people import People
from fieldwork.sandbox.city_random import Draws, Flags, Floats, Ints
from fieldwork.sandbox.city_truth import PersonDays, instants
from fieldwork.sandbox.city_visits import CheckIns, VisitPlan
from fieldwork.streams import STREAMS

FIRST_RECORD: Final = 43_000_000_001
_KINDS: Final = pa.array(["in", "out", "field"])
_IN, _OUT, _FIELD = 0, 1, 2
_NONE: Final = -1


@dataclass(frozen=True)
class _Rows:
    """Columns of records before they become text. NaN and _NONE = unknown; instants in seconds since 1970."""

    person: Ints
    day: Ints
    at: Ints
    kind: Ints
    latitude: Floats
    longitude: Floats
    accuracy: Floats
    base: Ints

    def take(self, position: Ints) -> _Rows:
        return _Rows(*(column[position] for column in vars(self).values()))

    @staticmethod
    def concat(*parts: _Rows) -> _Rows:
        columns = zip(*(vars(part).values() for part in parts), strict=True)
        return _Rows(*(np.concatenate(column) for column in columns))

    def moved(self, seconds: Ints) -> _Rows:
        return _Rows(**{**vars(self), "at": self.at + seconds})


def punches_table(
    people: People,
    days: Days,
    plan: Plan,
    office: OfficeDays,
    visits: VisitPlan,
    moments: CheckIns,
    fixes: Fixes,
    judged: PersonDays,
    *,
    late_edits: bool,
    draws: Draws,
) -> pa.Table:
    """Every punch, in the order of time; some twice within half a minute; ``late_edits``: a few were added later."""
    rows = _Rows.concat(
        _office_rows(people, days, plan, office, draws), _field_rows(people, days, visits, moments, fixes)
    )
    rows = _Rows.concat(rows, _doubles(rows, days, judged, draws))
    rows = rows.take(np.lexsort((rows.kind, rows.person, rows.at)))
    return _table(rows, people, days, late_edits=late_edits, draws=draws)


def _office_rows(people: People, days: Days, plan: Plan, office: OfficeDays, draws: Draws) -> _Rows:
    person, day, which = np.nonzero(office.made)
    shift = plan.shift[person, day]
    scheduled = plan.working[person, day]
    base = np.select(
        [scheduled & (which == ARRIVE), scheduled & (which == DEPART)],
        [days.instant(day, SHIFT_STARTS[shift]), days.instant(day, SHIFT_ENDS[shift])],
        default=_NONE,
    )
    kind = np.where(INWARD[np.arange(PUNCHES)], _IN, _OUT)[which]
    city = people.city[person]
    seen = fix(CITY_LATITUDE[city], CITY_LONGITUDE[city], NOISE["none"], draws)
    unseen = people.terminal[person]
    return _Rows(
        person, day, days.instant(day, office.at[person, day, which]), kind,
        np.where(unseen, np.nan, seen.latitude), np.where(unseen, np.nan, seen.longitude),
        np.where(unseen, np.nan, seen.accuracy), base,
    )  # fmt: skip


def _field_rows(people: People, days: Days, visits: VisitPlan, moments: CheckIns, fixes: Fixes) -> _Rows:
    row, place = np.nonzero(moments.made)
    person, day = visits.person[row], visits.day[row]
    unseen = ~moments.located[row, place]
    return _Rows(
        person, day, days.instant(day, moments.at[row, place]), np.full(len(row), _FIELD),
        np.where(unseen, np.nan, fixes.latitude[row, place]), np.where(unseen, np.nan, fixes.longitude[row, place]),
        np.where(unseen | people.checks_in[person], np.nan, fixes.accuracy[row, place]), np.full(len(row), _NONE),
    )  # fmt: skip


def _doubles(rows: _Rows, days: Days, judged: PersonDays, draws: Draws) -> _Rows:
    """Second punches some seconds after the first; where the first ends the day, no minute depends on which counts."""
    last = rows.at == days.instant(rows.day, judged.last_out[rows.person, rows.day])
    most = np.where(last, judged.slack[rows.person, rows.day], 25)
    seconds = np.minimum(draws.between(5, 25, len(rows.at)), most)
    twice = np.flatnonzero(draws.chance(0.02, len(rows.at)) & (seconds >= 3))
    return rows.take(twice).moved(seconds[twice])


def _table(rows: _Rows, people: People, days: Days, *, late_edits: bool, draws: Draws) -> pa.Table:
    count = len(rows.at)
    checks_in = (rows.kind == _FIELD) & people.checks_in[rows.person]
    terminal = (rows.kind != _FIELD) & people.terminal[rows.person]
    settled = rows.at + draws.between(0, 20, count)
    added = draws.chance(0.01, count) & ~checks_in & late_edits
    settled = np.where(added, rows.at + draws.between(24 * HOUR, 72 * HOUR, count), settled)
    places, place = _places(people, rows, terminal)
    devices = pa.array([f"a7{n:06x}" for n in range(1, len(people) + 1)])
    columns = {
        "record_id": digit_ids(FIRST_RECORD, count),
        "user_id": people.user_id.take(pa.array(rows.person)),
        "punched_at": instants(rows.at),
        "kind": _KINDS.take(pa.array(rows.kind)),
        "latitude": _numbers(rows.latitude),
        "longitude": _numbers(rows.longitude),
        "accuracy_m": _numbers(rows.accuracy),
        "place": places.take(pa.array(place)),
        "device_id": devices.take(pa.array(rows.person, mask=checks_in | terminal | added)),
        "work_date": _dates(days.number[rows.day], checks_in),
        "base_at": instants(rows.base, rows.base == _NONE),
        "modified_at": instants(settled, checks_in),
    }
    return pa.table(columns, schema=pa.schema(list(STREAMS["punches"].column_types.items())))


def _places(people: People, rows: _Rows, terminal: Flags) -> tuple[pa.Array, Ints]:
    """The addresses that the phones and terminals give, and which of them each row has."""
    texts = [
        text for city in CITIES for text in (f"{city.name}办公区", f"{city.name}客户现场", f"{city.name}前台考勤机")
    ]
    which = np.select([rows.kind == _FIELD, terminal], [1, 2], default=0)
    return pa.array(texts), people.city[rows.person] * 3 + which


def _numbers(values: Floats) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))


def _dates(number: Ints, unknown: Flags) -> pa.Array:
    return pa.array(number.astype(np.int32), mask=unknown).cast(pa.date32())
