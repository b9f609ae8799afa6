"""The mass-change guard: a wrong rule, a wrong mapping or a lost table must not repaint the whole CRM overnight."""

from __future__ import annotations

import sqlalchemy as sa

from fieldwork.errors import MassChange
from fieldwork.settings import Settings
from fieldwork.warehouse.schema import write

from .difference import Difference
from .wanted import KINDS

_TODO = (
    "Look at `fieldwork crm diff`. If it is meant, send it with --accept-mass-change, or the DAG's param of that name."
)


def check(connection: sa.Connection, settings: Settings, system: str, kind: str, found: Difference) -> None:
    """Raise MassChange when there is a reason to ask first."""
    reason = why_not(connection, settings, system, kind, found)
    if reason is not None:
        raise reason


def why_not(
    connection: sa.Connection, settings: Settings, system: str, kind: str, found: Difference
) -> MassChange | None:
    """The reason to ask first, if there is one: too large a share of the records in the CRM would change, or nothing
    is published any more though the CRM holds records of ours. New records are no change: a backfill needs no asking.
    """
    rules = settings.section("write_back")
    r = write.receipt.c
    known = sa.select(r.key).where(r.system == system, r.kind == kind, r.payload.is_not(None))
    if found.corrections >= max(1, rules["mass_minimum"]):
        records = connection.execute(sa.select(sa.func.count()).select_from(known.subquery())).scalar_one()
        if found.corrections > rules["mass_share"] * records:
            return MassChange(
                f"{found.corrections:,} of the {records:,} {kind} records that the CRM has from us would change at "
                f"once, more than a share of {rules['mass_share']}. Nothing was sent.",
                todo=_TODO,
            )
    published = connection.execute(sa.select(sa.exists(sa.select(KINDS[kind].rows)))).scalar_one()
    if not published and connection.execute(sa.select(sa.exists(known))).scalar_one():
        return MassChange(
            f"Nothing is published of what {kind} records are made from, though the CRM has some from us.",
            todo="Did the last runs publish anything? If it is meant, send with --accept-mass-change.",
        )
    return None
