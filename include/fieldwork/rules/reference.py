"""Keep ``ref`` as the configuration and the calendar say: only what differs is written.

A rule version or a shift that published days were computed with is never given another content: a past day is
computed with the rules of that day. Rules that begin on a day that is published already are refused until somebody has
seen what they change (``fieldwork rules plan``) and says so (``fieldwork rules apply``): else the days to come would be
computed by them and those published would not. Who works which shift, said of one person, is a fact like any other: the
days concerned are touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from fieldwork.errors import ConfigError
from fieldwork.settings import Settings
from fieldwork.warehouse.schema import mart, ops, ref

from . import calendar, change, rulebook
from .rulebook import Row

#: Table, old row, new row of entries that differ; one of the rows is None when the entry is new or gone.
Entries = Sequence[tuple[str, Row | None, Row | None]]

#: Any number that no other lock uses: two runs at once keep the tables one after the other.
_LOCK = 7_263_110


def seed_reference(connection: sa.Connection, settings: Settings, first_day: date, last_day: date) -> None:
    """Bring rules, shifts, roster and the calendar of the days' years up to date, in the caller's transaction.

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
    _seed_calendar(
        connection, settings, {*range(first_day.year, last_day.year + 1), *_years_ahead(connection, last_day)}
    )
    for table in (ref.rule_version, ref.shift, ref.roster, ref.calendar_day):
        connection.execute(sa.text(f"analyze {table.fullname}"))


@dataclass(frozen=True, slots=True)
class Changes:
    """What the configuration says otherwise than ``ref`` did; the person-days concerned are in ``concerned_day``."""

    entries: Entries
    #: the first day on which it makes a difference; None: there is none
    first_day: date | None
    #: nothing but who works which shift, said person by person
    facts_alone: bool
    #: published person-days whose plan or rules are others now
    person_days: int


def take_turn(connection: sa.Connection) -> None:
    """Wait until no other transaction keeps ``ref`` or builds by it."""
    connection.execute(sa.text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def adopt(connection: sa.Connection, settings: Settings) -> Changes:
    """Let ``ref`` say what the configuration says, and find the published person-days that this concerns.

    Raises ConfigError for a mistake in the configuration, or when a version or a shift is changed that days carry.
    """
    wanted = _wanted(settings)
    _refuse_changed_versions(connection, wanted[ref.rule_version])
    _refuse_changed_shifts(connection, wanted[ref.shift])
    entries = _entries(connection, wanted)
    if not entries:
        return Changes((), None, facts_alone=True, person_days=0)
    first_day = min(_from_when(old, new) for _, old, new in entries)
    change.watch(connection, first_day)
    for table, rows in wanted.items():
        _keep(connection, table, rows)
    facts_alone = all(_is_of_one_person(row) for _, *pair in entries for row in pair if row)
    return Changes(entries, first_day, facts_alone, change.find(connection))


def not_applied(connection: sa.Connection, settings: Settings) -> Entries:
    """What the configuration says otherwise than ``ref`` does."""
    return _entries(connection, _wanted(settings))


def _wanted(settings: Settings) -> dict[sa.Table, Sequence[Row]]:
    """What the tables are to hold by the configuration."""
    book = rulebook.read(settings)
    return {ref.rule_version: book.versions, ref.shift: book.shifts, ref.roster: book.rosters}


def _entries(connection: sa.Connection, wanted: Mapping[sa.Table, Sequence[Row]]) -> Entries:
    return [
        (table.name, old, new) for table, rows in wanted.items() for old, new in _differences(connection, table, rows)
    ]


def _differences(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Row]
) -> Iterable[tuple[Row | None, Row | None]]:
    """Pairs of what the table says and what it is to say, of keys for which the two differ."""
    keys = [column.name for column in table.primary_key]
    wanted = {tuple(row[key] for key in keys): row for row in rows}
    there = {
        tuple(row[key] for key in keys): dict(row) for row in connection.execute(sa.select(table)).mappings().all()
    }
    return [
        (there.get(name), wanted.get(name))
        for name in there.keys() | wanted.keys()
        if there.get(name) != wanted.get(name)
    ]


def _from_when(old: Row | None, new: Row | None) -> date:
    """The first day on which the two rows say different things."""
    if old and new and all(new[name] == old[name] for name in new if name != "valid_to"):
        days = [row["valid_to"] or date.max for row in (old, new)]
    else:
        days = [row["valid_from"] if "valid_from" in row else row["work_date"] for row in (old, new) if row]
    first: date = min(days)
    return first


def _is_of_one_person(row: Row) -> bool:
    """Who works which shift, said of one person: a fact, not a rule."""
    return row.get("scope") == "employee" or "employee_id" in row


def _years_ahead(connection: sa.Connection, last_day: date) -> set[int]:
    """Years that are asked for by a touch, or by a night shift that ends after the last day, as far as known."""
    touched = sa.select(sa.extract("year", ops.touched.c.work_date)).distinct()
    years = {int(year) for year in connection.scalars(touched)} | {(last_day + timedelta(days=1)).year}
    return years.intersection(calendar.known_years())


def _seed_calendar(connection: sa.Connection, settings: Settings, years: Iterable[int]) -> None:
    """Whole years of ``ref.calendar_day``; years that are there already are left alone."""
    country = settings.section("company").get("calendar")
    if country != "CN":
        raise ConfigError(
            f"There is no calendar for {country!r}.", todo='Set calendar = "CN" (mainland China) in [company].'
        )
    year = sa.extract("year", ref.calendar_day.c.work_date)
    whole = sa.select(year).group_by(year).having(sa.func.count() >= 365)
    missing = sorted(set(years) - {int(y) for y in connection.scalars(whole)})
    _upsert(connection, ref.calendar_day, [asdict(day) for day in calendar.days(missing)])


def _keep(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Make the table hold these rows and no others."""
    pairs = _differences(connection, table, rows)
    keys = [column.name for column in table.primary_key]
    gone = [{f"old_{key}": old[key] for key in keys} for old, new in pairs if old and not new]
    if gone:
        this = sa.and_(*(table.c[key] == sa.bindparam(f"old_{key}") for key in keys))
        connection.execute(sa.delete(table).where(this), gone)
    _upsert(connection, table, [new for _, new in pairs if new])


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
                todo="Leave that version as it was; give the change a new version and a `from` date. If it was wrong"
                " from its first day on, mark it `withdrawn = true` and add another of that date.",
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
