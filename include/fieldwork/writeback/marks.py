"""How far the published rows have been compared: a run looks at what was published since, and at nothing else.

``ops.write_mark`` holds, for each CRM and kind, the last instant of publication that was looked at, and the mapping
by which it was. With another mapping everything is looked at again; a field that moved to another field of the org
counts as never sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from fieldwork.settings import Settings
from fieldwork.warehouse.schema import write

from .wanted import Kind


@dataclass(frozen=True, slots=True)
class Mark:
    """Rows published after ``since`` are to be looked at (None: all); ``fields`` is the mapping now, as text."""

    since: datetime | None
    fields: str


def mapping(settings: Settings, system: str, kind: str) -> str:
    """``[<system>.write.<kind>]`` as one text, to be compared with the one of another day."""
    return json.dumps(dict(settings.section(system, "write", kind)), sort_keys=True)


def read(connection: sa.Connection, settings: Settings, system: str, kind: Kind) -> Mark:
    """The mark as it stands; with a changed mapping there is none, and receipts forget the fields that moved."""
    fields = mapping(settings, system, kind.name)
    m = write.write_mark.c
    found = connection.execute(
        sa.select(m.published_at, m.fields).where(m.system == system, m.kind == kind.name)
    ).one_or_none()
    if found is None:
        return Mark(None, fields)
    if found.fields == fields:
        return Mark(found.published_at, fields)
    _forget_moved(connection, system, kind, json.loads(found.fields), json.loads(fields))
    return Mark(None, fields)


def move(connection: sa.Connection, system: str, kind: Kind, fields: str) -> None:
    """Everything that is published now has been looked at; no publication may come in between (``hold_still``)."""
    latest = connection.execute(sa.select(sa.func.max(kind.rows.c.published_at))).scalar_one()
    if latest is None:
        return
    fresh = {"published_at": latest, "fields": fields, "moved_at": sa.func.clock_timestamp()}
    statement = insert(write.write_mark).values(system=system, kind=kind.name, **fresh)
    connection.execute(statement.on_conflict_do_update(index_elements=["system", "kind"], set_=fresh))


def _forget_moved(
    connection: sa.Connection, system: str, kind: Kind, before: Mapping[str, str], now: Mapping[str, str]
) -> None:
    """Take fields off the receipts whose values stand in another place of the org from now on."""
    elsewhere = any(before.get(name) != now.get(name) for name in ("object", "key"))
    moved = [name for name in before if elsewhere or (now.get(name) and now[name] != before[name])]
    if not moved:
        return
    r = write.receipt.c
    connection.execute(
        sa.update(write.receipt)
        .where(r.system == system, r.kind == kind.name, r.payload.is_not(None))
        .values(payload=r.payload.op("-")(sa.cast(moved, sa.ARRAY(sa.Text))))
    )
