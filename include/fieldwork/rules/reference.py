"""Keep ``ref`` as the configuration and the calendar say: only what differs is written.

A rule version or a shift that published days were computed with is never given another content: a past day is
computed with the rules of that day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from fieldwork.errors import ConfigError
from fieldwork.settings import Settings
from fieldwork.warehouse.schema import mart, ops, ref

from . import calendar, company_days, roster_file, rulebook, sql
from .calendar import CalendarDay

#: Any number that no other lock uses: two runs at once keep the tables one after the other.
_LOCK: Final = 7_263_110


_TABLES: Final = (
    ref.rule_version, ref.shift, ref.shift_day, ref.roster, ref.roster_day, ref.hours, ref.calendar_day
)  # fmt: skip


def seed_reference(connection: sa.Connection, settings: Settings, first_day: date, last_day: date) -> None:
    """Bring rules, shifts, rosters, hours systems and the calendar of the days' years up to date, in the caller's
    transaction.

    Years of touched days are added where a decree is known. Raises ConfigError, or CalendarYearUnknown for a year
    between ``first_day`` and ``last_day`` (both included).
    """
    connection.execute(sa.text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    book = rulebook.read(settings)
    _refuse_changed_versions(connection, book.versions)
    _refuse_changed_shifts(connection, book.shifts)
    _keep(connection, ref.roster, book.rosters)
    _keep(connection, ref.hours, book.hours)
    roster_file.keep(connection, settings.roster_file, book.shifts)
    years = {*range(first_day.year, last_day.year + 1), *_years_ahead(connection, last_day)}
    changed = (
        _keep(connection, ref.rule_version, book.versions)
        + _keep(connection, ref.shift, book.shifts)
        + _seed_calendar(connection, settings, years)
    )
    if changed:
        connection.execute(sa.delete(ref.shift_day))
        connection.execute(sa.text(sql.read("shift_day")))
    for table in _TABLES:
        connection.execute(sa.text(f"analyze {table.fullname}"))


def _years_ahead(connection: sa.Connection, last_day: date) -> set[int]:
    """Years that are asked for by a touch, or by a night shift that ends after the last day, as far as known."""
    touched = sa.select(sa.extract("year", ops.touched.c.work_date)).distinct()
    years = {int(year) for year in connection.scalars(touched)} | {(last_day + timedelta(days=1)).year}
    return years.intersection(calendar.known_years())


def _seed_calendar(connection: sa.Connection, settings: Settings, years: Iterable[int]) -> int:
    """Whole years of ``ref.calendar_day``: by decree where they are missing, and the company's own days over them.

    Returns how many days changed.
    """
    country = settings.section("company").get("calendar")
    if country != "CN":
        raise ConfigError(
            f"There is no calendar for {country!r}.", todo='Set calendar = "CN" (mainland China) in [company].'
        )
    day = ref.calendar_day.c
    year = sa.extract("year", day.work_date)
    whole = sa.select(year).group_by(year).having(sa.func.count() >= 365)
    present = {int(y) for y in connection.scalars(whole)}
    missing = set(years) - present
    new = [asdict(one) for one in calendar.days(missing)]
    _upsert(connection, ref.calendar_day, new)
    own = {date: one for date, one in company_days.read(settings).items() if date.year in present | missing}
    query = sa.select(ref.calendar_day).where((day.source == "company") | day.work_date.in_(own))
    there = {row["work_date"]: CalendarDay(**row) for row in connection.execute(query).mappings()}
    back = {date for date, one in there.items() if one.source == "company" and date not in own}
    decreed = [one for one in calendar.days({date.year for date in back}) if one.work_date in back]
    changed = [one for date, one in own.items() if there[date] != one]
    _upsert(connection, ref.calendar_day, [asdict(one) for one in (*decreed, *changed)])
    return len(new) + len(decreed) + len(changed)


def _keep(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Make the table hold these rows and no others; returns how many changed."""
    keys = [column.name for column in table.primary_key]
    wanted = {tuple(row[key] for key in keys): row for row in rows}
    there = {
        tuple(row[key] for key in keys): dict(row) for row in connection.execute(sa.select(table)).mappings().all()
    }
    gone = [{f"old_{key}": part for key, part in zip(keys, name, strict=True)} for name in there.keys() - wanted.keys()]
    if gone:
        this = sa.and_(*(table.c[key] == sa.bindparam(f"old_{key}") for key in keys))
        connection.execute(sa.delete(table).where(this), gone)
    changed = [row for name, row in wanted.items() if there.get(name) != row]
    _upsert(connection, table, changed)
    return len(gone) + len(changed)


def _upsert(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    statement = insert(table)
    rest = {c.name: statement.excluded[c.name] for c in table.columns if not c.primary_key}
    connection.execute(statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=rest), list(rows))


def _refuse_changed_versions(connection: sa.Connection, versions: Sequence[Mapping[str, Any]]) -> None:
    """Raises ConfigError when a version that published days carry has another content now, or is gone."""
    c = ref.rule_version.c
    hashes = {row["version"]: row["config_hash"] for row in versions}
    used = sa.exists().where(mart.attendance_day.c.rule_version == c.version)
    for version, config_hash in connection.execute(sa.select(c.version, c.config_hash)).all():
        if hashes.get(version) != config_hash and connection.scalar(sa.select(used).where(c.version == version)):
            raise ConfigError(
                f"The rules of version {version!r} were changed, but published days were computed with them.",
                todo="Leave that version as it was; give the change a new version and a `from` date.",
            )


def _refuse_changed_shifts(connection: sa.Connection, shifts: Sequence[Mapping[str, Any]]) -> None:
    """The same for the hours of a shift."""
    c, day = ref.shift.c, mart.attendance_day.c
    now = {(row["shift"], row["valid_from"]): row for row in shifts}
    for row in connection.execute(sa.select(ref.shift)).mappings():
        new = now.get((row["shift"], row["valid_from"]))
        if new is not None and all(new[name] == row[name] for name in row if name != "valid_to"):
            continue
        used = sa.exists().where(day.shift == c.shift, day.work_date >= c.valid_from)
        this = sa.and_(c.shift == row["shift"], c.valid_from == row["valid_from"])
        if connection.scalar(sa.select(used).where(this)):
            raise ConfigError(
                f"The shift {row['shift']!r} was changed, but published days were computed with it.",
                todo="Leave that entry as it was; add a [[shift]] of the same name with a later `from` date.",
            )
