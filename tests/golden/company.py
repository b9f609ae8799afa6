"""One company with all its cases: a warehouse of its own, one build, one publication."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import sqlalchemy as sa
from sqlalchemy import make_url

from fieldwork import settings as settings_module
from fieldwork.rules import calendar
from fieldwork.settings import Settings
from fieldwork.warehouse import engine as engine_module
from fieldwork.warehouse import server
from fieldwork.warehouse.schema import ref
from tests.rules.world import with_config

from .cases import Case, company_file
from .facts import Notebook, give

#: a day of no case: the run's own; the cases' days are touched
QUIET = date(2026, 1, 1)
#: everything before has been extracted
READ_UNTIL = datetime(2027, 1, 1, tzinfo=UTC)


@contextmanager
def published(pg_server: server.Server, home: Path, name: str, cases: Sequence[Case]) -> Iterator[Notebook]:
    """The company's world after its cases were given, built and published."""
    env = {"FIELDWORK_CONFIG": str(company_file(name)), "FIELDWORK_ROSTER": str(_roster_file(home, cases))}
    with scratch(pg_server, home, f"golden_{name}", **env) as (engine, settings):
        yield _filled(Notebook(engine, _with_shifts(settings, cases)), cases)


@contextmanager
def scratch(pg_server: server.Server, home: Path, name: str, **env: str) -> Iterator[tuple[sa.Engine, Settings]]:
    """A fresh migrated database of that name and the settings that point at it."""
    with psycopg.connect(pg_server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"drop database if exists {name} with (force)")
        connection.execute(f"create database {name} template template_fieldwork")
    url = pg_server.url(name)
    engine = engine_module.connect(make_url(url).set(drivername="postgresql+psycopg"))
    here = {"FIELDWORK_HOME": str(home), "FIELDWORK_WAREHOUSE_URL": url}
    yield engine, settings_module.load(here | env)
    engine.dispose()


def _filled(world: Notebook, cases: Sequence[Case]) -> Notebook:
    """The world with the facts of the cases, built and published."""
    world.covered(None, READ_UNTIL)
    for case in cases:
        give(world, case)
    world.write()
    _plain_years(world.engine, cases)
    for case in cases:
        world.touch(case.employee_id, *map(str, _days(case)))
    world.run(str(QUIET), str(QUIET + timedelta(days=1)))
    return world


def _with_shifts(settings: Settings, cases: Sequence[Case]) -> Settings:
    """The company's roster, and the shifts that cases ask for by name."""
    since = min(rules["from"] for rules in settings.config["rules"])
    own = [
        {"scope": "employee", "subject": case.employee_id, "from": since, "shift": case.given["shift"]}
        for case in cases
        if "shift" in case.given
    ]
    return with_config(settings, roster=[*settings.config["roster"], *own])


def _roster_file(home: Path, cases: Sequence[Case]) -> Path:
    """The lines that cases give to roster.csv."""
    lines = [
        f"{case.employee_id},{day},{shift}" for case in cases for day, shift in case.given.get("roster", {}).items()
    ]
    path = home / "roster.csv"
    path.write_text("\n".join(["employee_id,work_date,shift", *lines, ""]), encoding="utf-8")
    return path


def _days(case: Case) -> list[date]:
    """As many as the case says; else its day, the neighbours, and the days for which something is expected."""
    if "days" in case.given:
        return [case.day + timedelta(days=n) for n in range(case.given["days"])]
    named = {int(words.partition(" ")[2] or 0) for words in case.expect}
    return [case.day + timedelta(days=n) for n in range(min(named | {-1}), max(named | {1}) + 1)]


def _plain_years(engine: sa.Engine, cases: Sequence[Case]) -> None:
    """Years without a decree that cases live in: plain weeks, so that a time zone's past can be shown."""
    unknown = {case.day.year for case in cases} - set(calendar.known_years())
    days = (date(year, 1, 1) + timedelta(days=n) for year in sorted(unknown) for n in range(366))
    rows = [
        {"work_date": day, "kind": "rest" if day.weekday() >= 5 else "workday", "source": "decree"}
        for day in days
        if day.year in unknown
    ]
    if rows:
        with engine.begin() as connection:
            connection.execute(sa.insert(ref.calendar_day), rows)
