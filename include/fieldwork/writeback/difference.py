"""What should be in the CRM, compared with what the last receipt says is there.

From ``mart`` and ``ops.receipt`` into two temporary tables, ``wanted`` and ``difference``, that live as long as the
caller's transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from fieldwork.settings import Settings

from .fields import FIELDS, mapped
from .statements import read

TEMPORARY: Final = (
    "drop table if exists pg_temp.wanted, pg_temp.difference",
    "create temporary table wanted (key text, payload jsonb) on commit drop",
    "create temporary table difference (key text, payload jsonb, payload_hash text) on commit drop",
)


@dataclass(frozen=True, slots=True)
class Difference:
    """Numbers of records: to send; refused by the CRM before with the same content; as the receipts say already."""

    to_send: int
    refused_before: int
    unchanged: int


def stage(connection: sa.Connection, settings: Settings, system: str, kind: str) -> Difference:
    """Fill ``pg_temp.wanted`` and ``pg_temp.difference`` for one kind; raises ConfigError for a wrong mapping.

    Fields that the configuration leaves out are taken off the payload before it is hashed.
    """
    left_out = [name for name in FIELDS[kind] if name not in mapped(settings, system, kind)]
    for statement in TEMPORARY:
        connection.exec_driver_sql(statement)
    wanted = connection.execute(sa.text(read(f"wanted_{kind}")), {"left_out": left_out}).rowcount
    connection.exec_driver_sql("analyze pg_temp.wanted")
    where = {"system": system, "kind": kind}
    to_send = connection.execute(sa.text(read("difference")), where).rowcount
    connection.exec_driver_sql("analyze pg_temp.difference")
    refused_before = connection.execute(sa.text(read("refused_before")), where).scalar_one()
    return Difference(to_send, refused_before, wanted - to_send - refused_before)


def sample(connection: sa.Connection, system: str, kind: str, *, limit: int = 10) -> dict[str, list[str]]:
    """A few keys of the staged difference, each with the names of the fields that would change."""
    where = {"system": system, "kind": kind, "limit": limit}
    return dict(connection.execute(sa.text(read("sample")), where).tuples().all())
