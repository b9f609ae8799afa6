"""Posts: team, manager and employment of a person, as of the day (SCD2).

``core.employee`` says what is now; ``ref.post`` says what was, as reads told it at their time, and what somebody has
set right by hand. Whoever asks for a day takes the post of that day, else what is now.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.settings import Settings

from . import links, sql

#: Spans of days of which a post is to be kept; ``valid_to`` None: open.
_SPANS: Final = sa.Table(
    "post_span",
    sa.MetaData(),
    *(sa.Column(name, sa.Text) for name in ("employee_id", "team", "manager_user_id")),
    *(sa.Column(name, sa.Date) for name in ("valid_from", "valid_to")),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
)
_COLUMNS: Final = ("employee_id", "valid_from", "valid_to", "team", "manager_user_id")


def keep_posts(connection: sa.Connection, settings: Settings, as_of: datetime) -> None:
    """Keep in ``ref.post`` what a read of people has just changed; ``reviewed`` gets whoever it concerns.

    Called after people were merged and before it is noted who is missing.
    """
    zone = settings.time_zone
    values = {"beginning": links.BEGINNING, "zone": zone.key, "today": as_of.astimezone(zone).date()}
    for name in ("change", "earlier"):
        connection.execute(sa.text(sql.read(f"post_{name}")), values)
    connection.execute(sa.text(sql.read("post_end")))
    for name in ("change", "earlier"):
        spans = sa.table(f"post_{name}", *(sa.column(column) for column in _COLUMNS))
        keep_missing(connection, sa.select(*spans.c.values()))
    connection.exec_driver_sql("insert into reviewed select employee_id from delta where side = 'new'")


def keep_missing(connection: sa.Connection, spans: sa.Select[Any]) -> None:
    """Keep posts (employee_id, valid_from, valid_to, team, manager_user_id) on days that have none yet."""
    _SPANS.create(connection)
    connection.execute(sa.insert(_SPANS).from_select(list(_COLUMNS), spans))
    if connection.execute(sa.text(sql.read("post_keep"))).rowcount:
        connection.exec_driver_sql("analyze ref.post")
    _SPANS.drop(connection)


def set_post(
    connection: sa.Connection, employee_id: str, since: date, until: date | None, team: str | None, manager: str | None
) -> int:
    """Set right a person's team or manager (None: as it was) on the days of employment in ``[since, until)``.

    Returns how many spans of days it holds for: 0 means that the person was employed on none of the days.
    """
    values = {"employee_id": employee_id, "since": since, "until": until, "team": team, "manager": manager}
    connection.execute(sa.text(sql.read("post_said")), values)
    connection.execute(sa.text(sql.read("post_cut")), values)
    made = connection.execute(sa.text(sql.read("post_make"))).rowcount
    connection.exec_driver_sql("drop table post_said")
    return made
