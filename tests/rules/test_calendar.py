"""Kinds of days, years without a decree, and two sources that must agree."""

from __future__ import annotations

from collections import Counter
from datetime import date

import chinese_calendar.constants
import pytest

from fieldwork.errors import CalendarYearUnknown
from fieldwork.rules import calendar


@pytest.mark.parametrize(
    ("day", "kind", "name"),
    [
        (date(2026, 10, 1), "holiday", "National Day"),
        (date(2026, 10, 3), "holiday", "National Day"),  # a Saturday inside the span
        (date(2026, 10, 10), "makeup", "National Day"),
        (date(2026, 10, 11), "rest", None),
        (date(2026, 10, 12), "workday", None),
        (date(2005, 12, 31), "makeup", "New Year's Day"),  # reviewed: the two sources differ
    ],
)
def test_kinds(day: date, kind: str, name: str | None) -> None:
    (found,) = [d for d in calendar.days([day.year]) if d.work_date == day]
    assert (found.kind, found.name) == (kind, name)


def test_every_known_year_is_whole_and_agreed_on() -> None:
    known = calendar.known_years()
    days = calendar.days(known)
    assert len(days) == len({d.work_date for d in days}) == sum(366 if y % 4 == 0 else 365 for y in known)
    assert set(Counter(d.kind for d in days)) == {"workday", "rest", "holiday", "makeup"}


def test_a_year_without_a_decree() -> None:
    with pytest.raises(CalendarYearUnknown, match=str(calendar.known_years().stop)):
        calendar.days([calendar.known_years().stop])


def test_a_disagreement_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(chinese_calendar.constants.holidays, date(2024, 10, 2))
    with pytest.raises(CalendarYearUnknown, match="2024-10-02"):
        calendar.days([2024])


@pytest.mark.parametrize(
    ("today", "count"),
    [("last-10-31", 0), ("last-11-01", 1), ("last-12-31", 1), ("before-11-01", 0)],
)
def test_next_year_is_missed_from_november_on(today: str, count: int) -> None:
    word, month, day = today.split("-")
    year = calendar.known_years().stop - (1 if word == "last" else 2)
    assert len(calendar.warnings(date(year, int(month), int(day)))) == count
