"""The city's days by decree, and the three shifts of DESIGN §6.

Times of a working day are whole seconds after its local midnight throughout the city; :meth:`Days.instant` turns
them into seconds since 1970.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

import chinese_calendar
import numpy as np

from fieldwork.errors import CalendarYearUnknown
from fieldwork.sandbox.city_random import Flags, Ints

HOUR: Final = 3600
MINUTE: Final = 60
ZONE: Final = ZoneInfo("Asia/Shanghai")

#: kinds of day
WORKDAY, REST, HOLIDAY = 0, 1, 2
#: positions in SHIFTS
OFFICE, NIGHT, FLEXIBLE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Shift:
    """Planned hours in seconds after midnight; a night shift ends after 24 hours."""

    name: str
    starts: int
    ends: int
    break_starts: int
    break_ends: int
    grace: int


SHIFTS: Final = (
    Shift("office", 9 * HOUR, 18 * HOUR, 12 * HOUR, 13 * HOUR, 5 * MINUTE),
    Shift("night", 22 * HOUR, 30 * HOUR, 0, 0, 5 * MINUTE),
    Shift("flexible", 10 * HOUR, 16 * HOUR, 12 * HOUR, 13 * HOUR, 0),
)
#: minutes from first in that make a whole flexible day, in seconds
FLEXIBLE_REQUIRED: Final = 9 * HOUR


@dataclass(frozen=True)
class Days:
    """The calendar days of the city, in order."""

    dates: tuple[date, ...]
    #: WORKDAY (make-up workdays too), REST or HOLIDAY
    kind: Ints
    #: local midnight, seconds since 1970
    midnight: Ints

    def __len__(self) -> int:
        return len(self.dates)

    @cached_property
    def working(self) -> Flags:
        working: Flags = self.kind == WORKDAY
        return working

    @cached_property
    def number(self) -> Ints:
        """Days since 1970, as Arrow counts dates."""
        return np.array([(day - date(1970, 1, 1)).days for day in self.dates], dtype=np.int64)

    def instant(self, day: Ints, seconds: Ints) -> Ints:
        """Seconds since 1970 of ``seconds`` after the midnight of the day at position ``day``."""
        return self.midnight[day] + seconds


def read_days(start: date, count: int) -> Days:
    """``count`` days from ``start``; raises CalendarYearUnknown for a year without a decree."""
    dates = tuple(start + timedelta(days=n) for n in range(count))
    kind = np.array([_kind(day) for day in dates], dtype=np.int64)
    midnight = np.array([midnight_of(day) for day in dates], dtype=np.int64)
    return Days(dates, kind, midnight)


def midnight_of(day: date) -> int:
    """Local midnight in seconds since 1970."""
    return int(datetime.combine(day, time(), ZONE).timestamp())


def _kind(day: date) -> int:
    try:
        free, holiday = chinese_calendar.get_holiday_detail(day)
    except NotImplementedError:
        raise CalendarYearUnknown(
            f"No decree on public holidays is known for {day.year}.",
            todo="Choose a start and days within the years that chinesecalendar covers.",
        ) from None
    if not free:
        return WORKDAY
    return HOLIDAY if holiday else REST
