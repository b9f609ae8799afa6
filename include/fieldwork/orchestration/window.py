"""Which days a run is about: what its params say, else its data interval, else yesterday."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from fieldwork.errors import ConfigError

DAY = timedelta(days=1)


def days(
    since: str | None,
    until: str | None,
    interval: tuple[datetime, datetime] | None,
    *,
    as_of: datetime,
    zone: ZoneInfo,
) -> tuple[date, date]:
    """The half-open span ``[since, until)`` of company-local days, for the plan step to judge.

    ``since`` and ``until`` are ISO dates from the params. Without ``until`` the interval's end or, without an interval,
    ``as_of`` gives it: the run of 02:30 on the 6th has the interval from the 5th to the 6th and is about the 5th.
    Without ``since`` the interval's start gives it, or it is the day before ``until``. Late facts of earlier days need
    no wider span: the extraction reads an overlap again. Raises ConfigError for what is no date.
    """
    start, end = interval or (as_of - DAY, as_of)
    last = _day("until", until) or end.astimezone(zone).date()
    first = _day("since", since) or (last - DAY if until else start.astimezone(zone).date())
    return first, last


def _day(name: str, text: str | None) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"The param {name} is no date.", todo="Write YYYY-MM-DD, e.g. 2026-11-05.") from None
