"""Which person each row of the attendance system's people describes, as its ids pass from one to the next.

``claim`` (temporary, one line per staged row) is filled with the person of each row before people are merged: whom the
id's link names, unless the row contradicts it; else whoever had the employee number and is the same; else somebody new.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import sqlalchemy as sa

from fieldwork.settings import Settings

from . import links, sql
from .identity_file import link_by_file

#: Questions about people that are asked anew whenever people were read.
REASONS: Final = ("claimed_twice", "reused_or_renumbered", "number_in_use")
#: Asked once, when somebody was taken for new: open until somebody decides.
ONCE: Final = "maybe_rehired"

_LISTED: Final = (
    "update person set listed = true from claim where claim.state = 'known' and claim.employee_id = person.employee_id"
)
_LEFT_TO_FIND: Final = "select exists (select from claim where state = 'new')"
_ASK: Final = (
    "insert into problem (system, external_id, reason, candidates, since) "
    "select :system, user_id, reason, candidates, since from claim where reason = any(:reasons)"
)


def find_people(
    connection: sa.Connection, settings: Settings, system: str, batch_id: int, as_of: datetime, who: str
) -> None:
    """Fill ``claim`` with the person of every staged row (null: nobody can say), and make the links of their ids."""
    today = as_of.astimezone(settings.time_zone).date()
    claims = sql.read("identity_claim").replace("staging.batch", f'staging."b{int(batch_id)}"')
    connection.execute(sa.text(claims), {"today": today})
    connection.exec_driver_sql("analyze claim")
    link_by_file(connection, settings.identity_file, as_of)
    links.scratch(connection, "person", zone=settings.time_zone.key)
    connection.execute(sa.text(sql.read("identity_known")), {"system": system, "today": today})
    connection.exec_driver_sql(_LISTED)
    while connection.exec_driver_sql(_LEFT_TO_FIND).scalar_one():
        connection.execute(sa.text(sql.read("identity_newcomer")), {"system": system, "today": today})
    connection.execute(sa.text(sql.read("identity_said")), {"system": system, "beginning": links.BEGINNING})
    links.apply(connection, who)
    connection.execute(sa.text(_ASK), {"system": system, "reasons": [*REASONS, ONCE]})


def settle_people(
    connection: sa.Connection, settings: Settings, system: str, batch_id: int, as_of: datetime, *, whole: bool
) -> None:
    """After people were merged: who has left without a word; and if the read was ``whole``, who is missing or back.

    Questions that are no longer found are closed by a whole read alone.
    """
    connection.execute(sa.text(sql.read("identity_gave_way")))
    if whole:
        today = as_of.astimezone(settings.time_zone).date()
        said = {"system": system, "batch_id": batch_id, "as_of": as_of}
        connection.execute(sa.text(sql.read("identity_missing")), said)
        connection.execute(sa.text(sql.read("identity_number_in_use")), {"system": system, "today": today})
    links.settle(connection, list(REASONS) if whole else [], as_of, [system])
