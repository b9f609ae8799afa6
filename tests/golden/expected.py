"""What a case may expect of the published tables and views, and in which columns they differ.

``attendance`` and ``performance`` name columns of the case's day; ``attendance +1`` is of the day after. Relations that
have many rows of a person name each by its key, as the case calls it: a visit by its name, a punch by its clock, a
period by its first day. ``"no row"`` stands for one that is not there. Minutes may be named without the unit (``late``
is ``late_minutes``); an instant is a wall clock like ``+1 06:02``; null is ``"none"``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from .cases import Case

Row = dict[str, Any]


@dataclass(frozen=True)
class Relation:
    """A published table or view of people's rows.

    ``key`` finds a row beside the person; ``work_date`` is the case's day. ``silent``: what a case expects that says
    nothing of it.
    """

    name: str
    key: str
    silent: Mapping[str, Any] = field(default_factory=dict)


#: by the word that cases use
RELATIONS: Final = {
    "attendance": Relation("mart.attendance_day", "work_date", {"anomalies": []}),
    "uncounted": Relation("report.uncounted_punch", "punched_at"),
    "hours": Relation("report.hours_period", "period_start"),
    "visits": Relation("report.visit_check", "visit_id", {"signals": []}),
    "unproven": Relation("report.unproven_visit", "visit_id"),
    "unmatched": Relation("report.unmatched_check_in", "record_id", {"signals": []}),
    "performance": Relation("mart.performance_day", "work_date"),
}

#: rows by the word of their relation and the person
Published = Mapping[str, Mapping[str, list[Row]]]


def published(engine: sa.Engine) -> Published:
    """All rows of all relations."""
    found: dict[str, dict[str, list[Row]]] = {}
    with engine.connect() as connection:
        for word, relation in RELATIONS.items():
            of_person = found.setdefault(word, {})
            for row in connection.execute(sa.text(f"select * from {relation.name}")).mappings():
                of_person.setdefault(row["employee_id"], []).append(dict(row))
    return found


def differences(case: Case, rows: Published, zone: ZoneInfo) -> list[str]:
    """One line for each column that is not as expected."""
    return [line for words, told in case.expect.items() for line in _relation(case, words, told, rows, zone)]


def _relation(case: Case, words: str, told: Any, rows: Published, zone: ZoneInfo) -> Iterator[str]:
    word, _, ahead = words.partition(" ")
    relation = RELATIONS[word]
    by_key = {str(plain(row[relation.key], case, zone)): row for row in rows[word].get(case.employee_id, [])}
    of_day = relation.key == "work_date"
    for key, wanted in {str(case.day + timedelta(days=int(ahead or 0))): told}.items() if of_day else told.items():
        label = words if of_day else f"{word} {key}"
        row = by_key.get(key)
        if row is None or wanted == "no row":
            if (row is None) != (wanted == "no row"):
                yield f"{label}: {'there is no row' if row is None else 'there is a row'}"
            continue
        for column, value in {**relation.silent, **wanted}.items():
            yield from _column(case, label, row, column, value, zone)


def _column(case: Case, label: str, row: Row, column: str, value: Any, zone: ZoneInfo) -> Iterator[str]:
    name = column if column in row else f"{column}_minutes"
    if name not in row:
        yield f"{label}: there is no column {column}"
        return
    is_now = plain(row[name], case, zone)
    if isinstance(value, float) and isinstance(is_now, float | int):
        equal = abs(value - is_now) < 0.005
    else:
        equal = value == is_now
    if not equal:
        yield f"{label}: {name} is {is_now!r}, expected {value!r}"


def plain(value: Any, case: Case, zone: ZoneInfo) -> Any:
    """A value as the case files write it; null is ``"none"``."""
    match value:
        case None:
            return "none"
        case datetime():
            return _clock(value.astimezone(zone), case.day)
        case date():
            return value
        case Decimal():
            return float(value)
        case str():
            return value.removeprefix(f"{case.employee_id}-")
    return value


def _clock(local: datetime, day: date) -> str:
    ahead = (local.date() - day).days
    clock = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    return f"{ahead:+} {clock}" if ahead else clock
