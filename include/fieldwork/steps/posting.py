"""A person sets a post right: team, manager or last day of somebody, as of a day; the days concerned are touched.

Another team may mean another roster, and another roster may place a punch on the day beside: such a day is touched too.
"""

from __future__ import annotations

from datetime import date, timedelta

import sqlalchemy as sa

from fieldwork.errors import ConfigError
from fieldwork.rules import links, posts, working_day
from fieldwork.settings import Settings
from fieldwork.warehouse.schema import core, ref

from .decide import Decision, audit, deciding, touched_now
from .settle import touch_days


def set_post(
    engine: sa.Engine,
    settings: Settings,
    employee_id: str,
    *,
    team: str | None = None,
    manager: str | None = None,
    since: date,
    until: date | None = None,
    new_team: bool = False,
    who: str,
    purpose: str | None = None,
    dry_run: bool = False,
) -> Decision:
    """Say that somebody was in a team, or under a manager, on ``[since, until)``; without ``until`` from then on.

    What the source says next, when it changes its word, ends an open span. Raises ConfigError for an unknown person,
    manager or team (unless ``new_team``), and when the person was employed on none of the days.
    """
    with deciding(engine, dry_run=dry_run) as (connection, decision):
        if until is not None and until <= since:
            raise ConfigError(f"Nothing lies between {since} and {until}.", todo="--until is the first day after it.")
        if team is None and manager is None:
            raise ConfigError("Neither a team nor a manager was named.", todo="Say a TEAM, or --manager EMPLOYEE.")
        need_person(connection, employee_id)
        if manager is not None:
            need_person(connection, manager)
        if team is not None and not new_team:
            _need_team(connection, team)
        _place(connection, "placed_before", employee_id, since, until)
        spans = posts.set_post(connection, employee_id, since, until, team, manager)
        _place(connection, "placed_after", employee_id, since, until)
        if not spans:
            raise ConfigError(
                f"{employee_id} was employed on none of these days.", todo="See `fieldwork identity show`."
            )
        _touch(connection, settings, employee_id, ["posts", "shifted"])
        decision.touched = touched_now(connection)
        detail = {"employee_id": employee_id, "team": team, "manager": manager, "from": str(since)}
        detail |= {"until": str(until) if until else None}
        audit(connection, who, "identity.team", purpose, len(decision.touched), detail)
    return decision


def set_last_day(
    engine: sa.Engine,
    settings: Settings,
    employee_id: str,
    last_day: date,
    *,
    who: str,
    purpose: str | None = None,
    dry_run: bool = False,
) -> Decision:
    """Say when somebody left whom the attendance system no longer lists and of whom it did not say it.

    Raises ConfigError for an unknown person, and for one who is listed: the source's word holds, mend it there.
    """
    with deciding(engine, dry_run=dry_run) as (connection, decision):
        need_person(connection, employee_id)
        e = core.employee.c
        row = connection.execute(sa.select(e.missing_since, e.hired_on).where(e.employee_id == employee_id)).one()
        if row.missing_since is None:
            raise ConfigError(
                f"The attendance system lists {employee_id} as somebody at work.",
                todo="Enter the last day there: the next run reads it.",
            )
        if row.hired_on is not None and last_day < row.hired_on:
            raise ConfigError(f"{employee_id} was hired on {row.hired_on}.", todo="Name a later day.")
        connection.execute(sa.update(core.employee).where(e.employee_id == employee_id).values(left_on=last_day))
        _touch(connection, settings, employee_id, ["posts"])
        decision.touched = touched_now(connection)
        detail = {"employee_id": employee_id, "last_day": str(last_day)}
        audit(connection, who, "identity.left", purpose, len(decision.touched), detail)
    return decision


def need_person(connection: sa.Connection, employee_id: str) -> None:
    """Raise ConfigError when nobody has this employee id."""
    query = sa.select(core.employee.c.employee_id).where(core.employee.c.employee_id == employee_id)
    if connection.execute(query).one_or_none() is None:
        raise ConfigError(f"Nobody has the employee id {employee_id!r}.", todo="Look it up in report.post.")


def _need_team(connection: sa.Connection, team: str) -> None:
    known = sa.union(sa.select(core.employee.c.team), sa.select(ref.post.c.team))
    names = sorted(name for name in connection.execute(known).scalars() if name is not None)
    if team not in names:
        raise ConfigError(
            f"There is no team {team!r}; {len(names)} are known.",
            todo="Write it as the attendance system does (select distinct team from report.post), or add --new.",
        )


def _place(connection: sa.Connection, name: str, employee_id: str, since: date, until: date | None) -> None:
    """Note on which day each of the person's punches around the span is, as the rosters are now."""
    query = (
        f"create temporary table {name} on commit drop as "  # noqa: S608 - our own file
        "with incoming_punch as ("
        "select employee_id, record_id, punched_at, kind, work_date, base_at from core.punch "
        "where employee_id = :employee_id and punched_at >= :begins"
        " and punched_at < coalesce(cast(:ends as date), 'infinity')) "
        f"select employee_id, record_id, working_day from ({working_day.of_each_punch()}) as placed"
    )
    around = {"begins": since - timedelta(days=2), "ends": until + timedelta(days=2) if until else None}
    connection.execute(sa.text(query), {"employee_id": employee_id, **around})


def _touch(connection: sa.Connection, settings: Settings, employee_id: str, scripts: list[str]) -> None:
    links.open_scratch(connection)
    connection.execute(sa.text("insert into reviewed values (:employee_id)"), {"employee_id": employee_id})
    touch_days(connection, settings, scripts, reason="identity")
