"""Move bad rows from a batch's staging table to ``ops.quarantine``, set-based, inside the caller's transaction.

First the list of who broke what (a temporary table), then one statement that deletes, hashes and inserts. Who has the
``seq`` of a row and a reason may add to the list: the suite of a stream, or load for rows of nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.streams import Stream
from fieldwork.warehouse import staging

#: One line for every broken rule of every bad row.
#: ``held``: time may mend it; ``place``: of several broken rules the first by (held, place) names the row's fate.
BROKEN: Final = sa.Table(
    "broken",
    sa.MetaData(),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("held", sa.Boolean, nullable=False),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
)

_NOTE: Final = sa.text(
    "insert into broken (seq, place, rule, reason, held)"
    " select seq, :place, :rule, :reason, :held from unnest(cast(:seqs as bigint[])) as seq"
)


def open_list(connection: sa.Connection) -> None:
    """Make the empty list; :func:`set_aside` closes it."""
    BROKEN.create(connection)


def note(
    connection: sa.Connection,
    seqs: Sequence[int] | sa.Select[Any],
    *,
    rule: str,
    reason: str,
    held: bool,
    place: int = 0,
) -> None:
    """Add rows of the batch, by ``seq`` or a query for it, that broke one rule."""
    if isinstance(seqs, sa.Select):
        said = (sa.literal(place), sa.literal(rule), sa.literal(reason), sa.literal(held))
        query = seqs.add_columns(*said)
        connection.execute(sa.insert(BROKEN).from_select(list(BROKEN.c.keys()), query))
    else:
        values = {"seqs": list(seqs), "rule": rule, "reason": reason, "held": held, "place": place}
        connection.execute(_NOTE, values)


def set_aside(connection: sa.Connection, stream: Stream, system: str, batch_id: int) -> int:
    """Move every listed row of the batch and close the list; returns how many rows left staging.

    Rows that are alike in every column share one line of the quarantine, also over batches (``seen``), so it may hold
    fewer lines than rows moved; the ledger counts rows.
    """
    statement = files(__package__).joinpath("set_aside.sql").read_text(encoding="utf-8")
    statement = statement.replace("staging.batch", f'staging."b{int(batch_id)}"')
    connection.execute(sa.text("set local timezone = 'UTC'"))  # instants in the payload, and so its hash, read the same
    values = {
        "batch_id": batch_id,
        "system": system,
        "stream": stream.name,
        "key_column": stream.key,
        "notes": list(staging.notes(stream)),
    }
    moved = int(connection.execute(sa.text(statement), values).scalar_one())
    BROKEN.drop(connection)
    return moved
