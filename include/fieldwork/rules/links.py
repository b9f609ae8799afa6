"""Links as spans of days: statements are laid over ``ref.identity``, and what that changes is noted.

Temporary tables that live until the transaction ends. ``statement``: this id is this person on these days (without a
rule: nobody is known). ``link_change``: whose the days were and whose they are now; the rows of these days follow it.
``problem``: ids that only a person can decide about.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

import sqlalchemy as sa

from . import sql

#: Links that hold from the beginning start here.
BEGINNING: Final = date(1900, 1, 1)

_SPAN: Final = "system text, external_id text, valid_from date, valid_to date"
_OPEN: Final = tuple(
    f"create temporary table if not exists {name} ({columns}) on commit drop"
    for name, columns in {
        "statement": f"{_SPAN}, employee_id text, rule text",
        "link_change": f"{_SPAN}, was text, now text",
        "problem": "system text, external_id text, reason text, candidates text[], since date",
        "reviewed": "employee_id text",
    }.items()
)


def open_scratch(connection: sa.Connection) -> None:
    """Make the tables; changes that the transaction has noted so far stay noted."""
    for statement in _OPEN:
        connection.exec_driver_sql(statement)
    for name in ("statement", "problem", "reviewed"):
        connection.exec_driver_sql(f"truncate {name}")


def scratch(connection: sa.Connection, name: str, **values: object) -> None:
    """Fill the temporary table ``name`` anew by the file ``identity_<name>.sql``."""
    connection.exec_driver_sql(f"drop table if exists pg_temp.{name}")
    connection.execute(sa.text(sql.read(f"identity_{name}")), values)
    connection.exec_driver_sql(f"analyze {name}")


def say(
    connection: sa.Connection,
    system: str,
    external_id: str,
    employee_id: str | None,
    since: date,
    until: date | None,
    rule: str = "manual",
) -> None:
    """State whose an id is on ``[since, until)``; no person means nobody, by decision."""
    connection.execute(
        sa.text("insert into statement values (:system, :external_id, :since, :until, :employee_id, :rule)"),
        {
            "system": system,
            "external_id": external_id,
            "since": since,
            "until": until,
            "employee_id": employee_id,
            "rule": rule,
        },
    )


def apply(connection: sa.Connection, who: str | None = None) -> int:
    """Lay the statements over the links; returns how many links were made, and forgets the statements.

    With ``who`` a link that is taken from somebody leaves an entry in ``ops.audit_log``.
    """
    connection.execute(sa.text(sql.read("identity_change")), {"who": who})
    connection.execute(sa.text(sql.read("identity_cut")))
    made = connection.execute(sa.text(sql.read("identity_make"))).rowcount
    if made:  # the planner must know of them before the same transaction asks for them again
        connection.exec_driver_sql("analyze ref.identity")
    connection.exec_driver_sql("truncate statement")
    return made


def settle(connection: sa.Connection, reasons: list[str], as_of: datetime, systems: list[str] | None = None) -> None:
    """Bring ``ops.identity_review`` to what ``problem`` holds, for the reasons that were looked for."""
    values = {"reasons": reasons, "systems": systems, "as_of": as_of}
    connection.execute(sa.text(sql.read("identity_settle")), values)
    connection.exec_driver_sql("truncate problem")
