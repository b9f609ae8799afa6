"""``ref.calendar_day``: whole years by decree, and the company's own days over them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

import sqlalchemy as sa

from fieldwork.errors import ConfigError
from fieldwork.settings import Settings
from fieldwork.warehouse.schema import ref

from . import calendar, company_days
from .entries import Row
from .kept import upsert


def seed(connection: sa.Connection, settings: Settings, years: Iterable[int]) -> bool:
    """Add the years that are missing, the company's own days in them too; returns whether there was one.

    Days of years that are there are left alone: a published day may depend on them (``company_rows``).
    """
    country = settings.section("company").get("calendar")
    if country != "CN":
        raise ConfigError(
            f"There is no calendar for {country!r}.", todo='Set calendar = "CN" (mainland China) in [company].'
        )
    missing = set(years) - _present(connection)
    own = company_days.read(settings)
    rows = [asdict(own.get(day.work_date, day)) for day in calendar.days(missing)]
    upsert(connection, ref.calendar_day, rows)
    return bool(rows)


def company_rows(connection: sa.Connection, settings: Settings) -> list[Row]:
    """What ``ref.calendar_day`` is to say, in its years, of the company's own days; of former ones what is decreed."""
    present = _present(connection)
    own = {day: one for day, one in company_days.read(settings).items() if day.year in present}
    c = ref.calendar_day.c
    had = set(connection.scalars(sa.select(c.work_date).where(c.source == "company"))) - own.keys()
    decreed = (one for one in calendar.days({day.year for day in had}) if one.work_date in had)
    return [asdict(one) for one in (*own.values(), *decreed)]


def _present(connection: sa.Connection) -> set[int]:
    """The years that are whole."""
    year = sa.extract("year", ref.calendar_day.c.work_date)
    whole = sa.select(year).group_by(year).having(sa.func.count() >= 365)
    return {int(found) for found in connection.scalars(whole)}
