"""What kind of day a date is by decree in mainland China: ``chinesecalendar``, with ``holidays`` as the second opinion.

``chinesecalendar`` holds the decrees of the State Council year by year and knows no year without one; ``holidays``
guesses such a year without saying so. So the first decides which years are known, and both must agree on which days
are worked. Neither library is imported before it is needed: together they cost a third of a second.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from fieldwork.errors import CalendarYearUnknown

Kind = Literal["workday", "rest", "holiday", "makeup"]
Half = Literal["first", "second"]


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """One date: worked or not, by decree or because the company says so.

    ``name`` is the holiday's name, None on plain days; ``half``: which half of the shift is worked, None = all of it.
    """

    work_date: date
    kind: Kind
    name: str | None
    half: Half | None = None
    source: Literal["decree", "company"] = "decree"


#: Days on which the two sources differ, and which of them we follow. 2005-12-31, a Saturday: holidays has it worked in
#: exchange for 2006-01-03, chinesecalendar lacks it.
REVIEWED: Final[dict[date, CalendarDay]] = {
    date(2005, 12, 31): CalendarDay(date(2005, 12, 31), "makeup", "New Year's Day"),
}

#: From this month and day on, next year's decree should be out (it comes in November).
WARN_FROM: Final = (11, 1)


def days(years: Iterable[int]) -> list[CalendarDay]:
    """Every day of the years in order; raises CalendarYearUnknown for a year without a decree or in dispute."""
    known = known_years()
    found: list[CalendarDay] = []
    for year in sorted(set(years)):
        if year not in known:
            raise CalendarYearUnknown(
                f"No decree on public holidays is known for {year}; known are {known.start} to {known.stop - 1}.",
                todo="Upgrade chinesecalendar (a new release follows each November's decree), or end the run earlier.",
            )
        found.extend(_year(year))
    return found


def known_years() -> range:
    """The years that ``chinesecalendar`` has a decree for."""
    from chinese_calendar import constants

    return range(min(constants.holidays).year, max(constants.holidays).year + 1)


def warnings(today: date) -> list[str]:
    """What should be done about the calendar soon: from 1 November on, that next year is missing."""
    if (today.month, today.day) < WARN_FROM or today.year + 1 in known_years():
        return []
    missing = f"No decree on public holidays is known yet for {today.year + 1}"
    return [f"{missing}: upgrade chinesecalendar before 1 January, or days of that year cannot be built."]


def _year(year: int) -> list[CalendarDay]:
    """One known year, checked day by day against the second source."""
    import holidays
    from chinese_calendar import constants

    second = holidays.country_holidays("CN", years=year)
    found: list[CalendarDay] = []
    day = date(year, 1, 1)
    while day.year == year:
        if day in REVIEWED:
            found.append(REVIEWED[day])
        else:
            first = _decreed(day, constants.holidays, constants.workdays)
            if (first.kind in ("workday", "makeup")) != second.is_working_day(day):
                raise CalendarYearUnknown(
                    f"chinesecalendar and holidays disagree on whether {day} is worked.",
                    todo="Look the day up in the decree and enter it in REVIEWED of rules/calendar.py.",
                )
            found.append(first)
        day += timedelta(days=1)
    return found


def _decreed(day: date, off: dict[date, str], worked: dict[date, str]) -> CalendarDay:
    """``off`` and ``worked`` are chinesecalendar's decreed days with the holiday's name."""
    weekend = day.weekday() >= 5
    if day in off:
        return CalendarDay(day, "holiday", str(off[day]))
    if day in worked and weekend:
        return CalendarDay(day, "makeup", str(worked[day]))
    return CalendarDay(day, "rest" if weekend else "workday", None)
