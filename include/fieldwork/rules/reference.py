"""Keep ``ref`` as the configuration, the roster file and the calendar say: only what differs is written.

A rule version or a shift that published days were computed with is never given another content: a past day is
computed with the rules of that day. Rules that begin on a day that is published already are refused until somebody has
seen what they change (``fieldwork rules plan``) and says so (``fieldwork rules apply``): else the days to come would be
computed by them and those published would not. What is said of one person (which shift, which hours system, a line of
``roster.csv``) is a fact like any other: the days concerned are touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

import sqlalchemy as sa

from fieldwork.errors import ConfigError
from fieldwork.settings import Settings
from fieldwork.warehouse.schema import mart, ops, ref

from . import calendar, change, kept_calendar, roster_file, rulebook, sql
from .entries import Row
from .kept import differences, keep
from .roster_file import RosterLines

#: Table, old row, new row of entries that differ; one of the rows is None when the entry is new or gone.
Entries = Sequence[tuple[str, Row | None, Row | None]]

#: Any number that no other lock uses: two runs at once keep the tables one after the other.
_LOCK: Final = 7_263_110
_TABLES: Final = (
    ref.rule_version, ref.shift, ref.shift_day, ref.roster, ref.roster_day, ref.hours, ref.calendar_day
)  # fmt: skip
#: What the hours of shifts on days are made of (``ref.shift_day``).
_MAKE_SHIFT_DAYS: Final = frozenset({"rule_version", "shift", "calendar_day"})


def seed_reference(connection: sa.Connection, settings: Settings, first_day: date, last_day: date) -> None:
    """Bring rules, shifts, rosters, hours systems and the calendar of the days' years up to date, in the caller's
    transaction.

    Years of touched days are added where a decree is known. Raises ConfigError, or CalendarYearUnknown for a year
    between ``first_day`` and ``last_day`` (both included).
    """
    take_turn(connection)
    changes = adopt(connection, settings)
    if changes.person_days:
        if not changes.facts_alone:
            raise ConfigError(
                f"The rules changed from {changes.first_day} on, and {changes.person_days} person-days from then on are"
                " computed already, by the rules as they were.",
                todo="See who would change with `fieldwork rules plan`, and let it hold with `fieldwork rules apply`;"
                " or give the change a later `from` date. Until then nothing is computed.",
            )
        change.touch(connection, "roster")
    years = {*range(first_day.year, last_day.year + 1), *_years_ahead(connection, last_day)}
    if kept_calendar.seed(connection, settings, years):
        _make_shift_days(connection)
    for table in _TABLES:
        connection.execute(sa.text(f"analyze {table.fullname}"))


@dataclass(frozen=True, slots=True)
class Changes:
    """What the configuration says otherwise than ``ref`` did; the person-days concerned are in ``concerned_day``."""

    entries: Entries
    #: of roster.csv; None: none differs
    lines: RosterLines | None
    #: the first day on which it makes a difference; None: there is none
    first_day: date | None
    #: published person-days whose plan or rules are others now
    person_days: int = 0
    #: nothing but what is said person by person concerns them
    facts_alone: bool = True

    def __bool__(self) -> bool:
        """The configuration says something otherwise."""
        return self.first_day is not None


def take_turn(connection: sa.Connection) -> None:
    """Wait until no other transaction keeps ``ref`` or builds by it."""
    connection.execute(sa.text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def adopt(connection: sa.Connection, settings: Settings) -> Changes:
    """Let ``ref`` say what the configuration says, and find the published person-days that this concerns.

    Raises ConfigError for a mistake in the configuration, or when a version or a shift is changed that days carry.
    """
    wanted = _wanted(connection, settings)
    _refuse_changed_versions(connection, wanted[ref.rule_version])
    _refuse_changed_shifts(connection, wanted[ref.shift])
    changes = _compare(connection, settings, wanted)
    if changes.first_day is not None:
        change.watch(connection, changes.first_day)
        for table, rows in wanted.items():
            keep(connection, table, rows, whole=table is not ref.calendar_day)
        roster_file.write(connection)
        if _MAKE_SHIFT_DAYS & {table for table, _, _ in changes.entries}:
            _make_shift_days(connection)
        days = change.find(connection)
        rules = [_from_when(old, new) for _, old, new in changes.entries if not _is_of_one_person(new or old or {})]
        facts_alone = not rules or not change.reaches(connection, min(rules))
        changes = replace(changes, person_days=days, facts_alone=facts_alone)
    roster_file.forget(connection)
    return changes


def not_applied(connection: sa.Connection, settings: Settings) -> Changes:
    """What the configuration says otherwise than ``ref`` does; whom it concerns is not asked."""
    changes = _compare(connection, settings, _wanted(connection, settings))
    roster_file.forget(connection)
    return changes


def _compare(connection: sa.Connection, settings: Settings, wanted: Mapping[sa.Table, Sequence[Row]]) -> Changes:
    """Entries and lines that differ; ``roster_line`` holds the file afterwards."""
    entries = [
        (table.name, old, new)
        for table, rows in wanted.items()
        for old, new in differences(connection, table, rows, whole=table is not ref.calendar_day)
    ]
    roster_file.load(connection, settings.roster_file, wanted[ref.shift])
    lines = roster_file.differing(connection)
    days = [_from_when(old, new) for _, old, new in entries] + ([lines.first_day] if lines else [])
    return Changes(tuple(entries), lines, min(days, default=None))


def _wanted(connection: sa.Connection, settings: Settings) -> dict[sa.Table, Sequence[Row]]:
    """What the tables are to hold by the configuration; of the calendar the days that the company has, or had."""
    book = rulebook.read(settings)
    return {
        ref.rule_version: book.versions,
        ref.shift: book.shifts,
        ref.roster: book.rosters,
        ref.hours: book.hours,
        ref.calendar_day: kept_calendar.company_rows(connection, settings),
    }


def _from_when(old: Row | None, new: Row | None) -> date:
    """The first day on which the two rows say different things."""
    if old and new and "valid_to" in new and all(new[name] == old[name] for name in new if name != "valid_to"):
        days = [row["valid_to"] or date.max for row in (old, new)]
    else:
        days = [row["valid_from"] if "valid_from" in row else row["work_date"] for row in (old, new) if row]
    first: date = min(days)
    return first


def _is_of_one_person(row: Row) -> bool:
    """Said of one person: a fact, not a rule."""
    return row.get("scope") == "employee"


def _make_shift_days(connection: sa.Connection) -> None:
    connection.execute(sa.delete(ref.shift_day))
    connection.execute(sa.text(sql.read("shift_day")))


def _years_ahead(connection: sa.Connection, last_day: date) -> set[int]:
    """Years that are asked for by a touch, or by a night shift that ends after the last day, as far as known."""
    touched = sa.select(sa.extract("year", ops.touched.c.work_date)).distinct()
    years = {int(year) for year in connection.scalars(touched)} | {(last_day + timedelta(days=1)).year}
    return years.intersection(calendar.known_years())


def _refuse_changed_versions(connection: sa.Connection, versions: Sequence[Row]) -> None:
    """Raises ConfigError when a version that published days carry has another content now, or is gone."""
    c = ref.rule_version.c
    hashes = {row["version"]: row["config_hash"] for row in versions}
    used = sa.exists().where(mart.attendance_day.c.rule_version == c.version)
    for version, config_hash in connection.execute(sa.select(c.version, c.config_hash)).all():
        if hashes.get(version) != config_hash and connection.scalar(sa.select(used).where(c.version == version)):
            raise ConfigError(
                f"The rules of version {version!r} were changed, but published days were computed with them.",
                todo="Leave that version as it was; give the change a new version and a `from` date. If it was wrong"
                " from its first day on, mark it `withdrawn = true` and add another of that date.",
            )


def _refuse_changed_shifts(connection: sa.Connection, shifts: Sequence[Row]) -> None:
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
