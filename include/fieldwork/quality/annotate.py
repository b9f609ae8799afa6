"""Before the suite runs: put aside what is not judged, and mark rows whose owner or customer nobody has heard of.

Both marks are written only where they say *unknown* (false); null means known, or that the question does not arise.
To write true onto a million good rows would cost more than the whole suite.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from fieldwork.streams import STREAMS, Side, Stream
from fieldwork.warehouse import ledger, staging
from fieldwork.warehouse.schema import core, ops, ref

#: Who may own a record, by side.
_PEOPLE: Final[dict[Side, str]] = {"attendance": "employees", "crm": "crm_users"}
#: Where the records are kept that others refer to.
_KEPT: Final[dict[str, sa.Table]] = {
    "employees": core.employee,
    "crm_users": core.crm_user,
    "accounts": core.account,
}


def leave_out_of_scope(connection: sa.Connection, stream: Stream, batch_id: int) -> int:
    """Delete staged rows that are none of ours and count them in the ledger; a second call finds none."""
    staged = staging.table(stream, batch_id)
    left_out = connection.execute(sa.delete(staged).where(staged.c.out_of_scope.is_not(None))).rowcount
    if left_out:
        b = ops.batch.c
        connection.execute(
            sa.update(ops.batch).where(b.batch_id == batch_id).values(out_of_scope=b.out_of_scope + left_out)
        )
    return left_out


def mark_unknown(connection: sa.Connection, stream: Stream, batch: ledger.Batch) -> None:
    """Set ``owner_known`` and ``account_known`` to false where the id is linked, loaded or staged in this run nowhere.

    A deleted record may name a customer that is gone too: it is not asked.
    """
    staged = staging.table(stream, batch.batch_id)
    s = staged.c
    marked = sa.or_(s.owner_known.is_not(None), s.account_known.is_not(None))
    connection.execute(sa.update(staged).where(marked).values(owner_known=None, account_known=None))
    if stream.person is not None and stream.person != stream.key:
        people = STREAMS[_PEOPLE[stream.side]]
        owner = s[stream.person]
        linked = sa.exists().where(ref.identity.c.system == batch.system, ref.identity.c.external_id == owner)
        nowhere = [sa.not_(linked), *absent(connection, batch, people, owner)]
        connection.execute(sa.update(staged).where(owner.is_not(None), *nowhere).values(owner_known=False))
    if "account_id" in s and stream.key != "account_id":
        nowhere = absent(connection, batch, STREAMS["accounts"], s.account_id)
        there = sa.func.coalesce(s.deleted, sa.false()).is_(sa.false())
        connection.execute(
            sa.update(staged).where(s.account_id.is_not(None), there, *nowhere).values(account_known=False)
        )


def staged_of_run(
    connection: sa.Connection, batch: ledger.Batch, stream: Stream, *, any_system: bool = False
) -> list[sa.Table]:
    """Staging tables of another stream of the same run, and unless ``any_system`` of the same system, still there."""
    inspector = sa.inspect(connection)
    states = ("extracted", "checked")
    others = ledger.batches(connection, batch.run_id, stream=stream.name, states=states, kind=batch.kind)
    tables = [staging.table(stream, other.batch_id) for other in others if any_system or other.system == batch.system]
    return [table for table in tables if inspector.has_table(table.name, schema="staging")]


def absent(
    connection: sa.Connection, batch: ledger.Batch, stream: Stream, wanted: sa.ColumnElement[str]
) -> list[sa.ColumnElement[bool]]:
    """Conditions that together say: no loaded and no staged record of ``stream`` has the id ``wanted``."""
    loaded = _KEPT[stream.name]
    places = [sa.exists().where(loaded.c.system == batch.system, loaded.c[stream.key] == wanted)]
    places += [
        sa.exists().where(t.c[stream.key] == wanted)
        for t in map(sa.Table.alias, staged_of_run(connection, batch, stream))
    ]
    return [sa.not_(place) for place in places]
