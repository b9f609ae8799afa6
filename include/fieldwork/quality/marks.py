"""Before the suite runs: notes beside the staged rows for what no single column can tell.

Each note is a boolean column of staging, written only where it says that something is wrong (false); null means in
order, or that the question does not arise. The rules that read them, and how severe they are, stand in the suites.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.streams import STREAMS, Stream
from fieldwork.warehouse import ledger, staging
from fieldwork.warehouse.schema import core, ref

from .annotate import absent, staged_of_run

#: The column that holds a manager's user id, of the streams of people.
_MANAGER: Final = {"employees": "manager_user_id", "crm_users": "manager_id"}
#: From the midnight (UTC) of a punch's stated day, within which it can lie: any zone, any night shift.
_DAY_BEGINS: Final = timedelta(hours=-24)
_DAY_ENDS: Final = timedelta(hours=72)


def mark(connection: sa.Connection, stream: Stream, batch: ledger.Batch) -> None:
    """Write the stream's notes; a second call writes the same again.

    ``manager_known``: the manager is in the same list, or loaded. ``number_kept``: the employee number is not the
    loaded one with its leading zeros lost. ``person_linked``: the CRM user is somebody we know. ``owner_known`` of an
    account: its owner is. ``day_agrees``: a punch lies near the working day that the source states for it.
    """
    staged = staging.table(stream, batch.batch_id)
    for name, wrong in _notes(connection, stream, batch, staged.c):
        connection.execute(sa.update(staged).where(staged.c[name].is_not(None)).values({name: None}))
        connection.execute(sa.update(staged).where(*wrong).values({name: False}))


def _notes(
    connection: sa.Connection, stream: Stream, batch: ledger.Batch, s: Any
) -> Iterator[tuple[str, list[sa.ColumnElement[bool]]]]:
    if stream.name in _MANAGER:
        manager = s[_MANAGER[stream.name]]
        yield "manager_known", [manager.is_not(None), *absent(connection, batch, stream, manager)]
    if stream.name == "employees":
        yield "number_kept", [_zeros_lost(s, batch)]
    if stream.name == "crm_users":
        yield "person_linked", _nobody_we_know(connection, batch, s)
    if stream.name == "accounts":
        yield "owner_known", [s.owner_id.is_not(None), *absent(connection, batch, STREAMS["crm_users"], s.owner_id)]
    if stream.name == "punches":
        yield "day_agrees", [_another_day(s)]


def _zeros_lost(s: Any, batch: ledger.Batch) -> sa.ColumnElement[bool]:
    e = core.employee.c
    same_person = sa.and_(e.system == batch.system, e.user_id == s.user_id)
    return sa.exists().where(
        same_person, e.employee_no != s.employee_no, sa.func.ltrim(e.employee_no, "0") == s.employee_no
    )


def _nobody_we_know(connection: sa.Connection, batch: ledger.Batch, s: Any) -> list[sa.ColumnElement[bool]]:
    """No link, and neither number nor address of anybody who may punch."""
    linked = sa.exists().where(ref.identity.c.system == batch.system, ref.identity.c.external_id == s.crm_user_id)
    people: list[Any] = [core.employee.c]
    people += [table.c for table in staged_of_run(connection, batch, STREAMS["employees"], any_system=True)]
    names = ("employee_no", "email", "mobile")
    return [sa.not_(linked), *(sa.not_(sa.exists().where(p[name] == s[name])) for p in people for name in names)]


def _another_day(s: Any) -> sa.ColumnElement[bool]:
    midnight = sa.func.timezone("UTC", sa.cast(s.work_date, sa.DateTime(timezone=False)))
    since: sa.ColumnElement[timedelta] = s.punched_at - midnight
    return sa.not_(since.between(_DAY_BEGINS, _DAY_ENDS))
