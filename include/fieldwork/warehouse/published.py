"""Publications follow one another, and whoever compares what is published waits for the one under way."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

#: Any number that no other lock uses; a publication holds it until its transaction ends.
LOCK: Final = 7_263_111

_WAITING: Final = sa.text(
    "select exists (select from pg_locks where locktype = 'advisory' and objid = :lock and not granted)"
)


def hold_still(connection: sa.Connection) -> bool:
    """Wait for a publication under way; none changes anything until the transaction ends.

    False when one waits already: it may have begun, and so be dated, before the last one ended, and rows "published
    since" would miss it.
    """
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(LOCK)))
    waits: bool = connection.execute(_WAITING, {"lock": LOCK}).scalar_one()
    return not waits
