"""From ``ops.quarantine`` into a batch's staging table and, where a row is still bad, back to its line.

A replay's staging table numbers its rows like the lines that they come from (``seq`` is the ``quarantine_id``), so that
a row that is still bad finds its line again, with what a person mended. A replay takes a *version* of each line: one
that was edited, settled or taken through by somebody else meanwhile is left alone.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.streams import Stream
from fieldwork.warehouse import staging
from fieldwork.warehouse.merge import TABLES
from fieldwork.warehouse.schema import ops

from . import quarantine
from .choice import OPEN, Choice
from .held import SAME_BESIDE_KEY
from .lines import effective

_q, _r = ops.quarantine.c, ops.replay.c
#: SQLAlchemy forgets how many rows an insert made unless it is asked.
_COUNTED: Final = {"preserve_rowcount": True}


def take(connection: sa.Connection, choice: Choice, system: str, stream: Stream, batch_id: int) -> int:
    """Note the open rows of the choice as those of this replay; returns how many."""
    chosen = sa.select(sa.literal(batch_id), _q.quarantine_id, _version()).where(
        *choice.conditions(), _q.system == system, _q.stream == stream.name, _q.status.in_(OPEN)
    )
    statement = sa.insert(ops.replay).from_select(["batch_id", "quarantine_id", "row_hash"], chosen)
    return connection.execute(statement, execution_options=_COUNTED).rowcount


def fill(connection: sa.Connection, stream: Stream, batch_id: int) -> int:
    """Make the batch's staging table anew from the lines that are still as they were taken; returns the rows."""
    staging.drop(connection, stream, batch_id)
    staging.create(connection, stream, batch_id)
    table = staging.table(stream, batch_id)
    columns = {name: sa.cast(effective()[name].astext, table.c[name].type) for name in (*stream.columns, "parse_error")}
    rows = sa.select(_q.quarantine_id, *columns.values()).where(*_as_taken(batch_id)).order_by(_q.quarantine_id)
    connection.execute(sa.text(f'alter table staging."b{int(batch_id)}" alter column seq drop identity'))
    statement = sa.insert(table).from_select(["seq", *columns], rows)
    return connection.execute(statement, execution_options=_COUNTED).rowcount


def withdraw(connection: sa.Connection, stream: Stream, batch_id: int) -> int:
    """Take rows out of staging whose line was changed or settled since; locks the others. Returns how many left."""
    lines = sa.select(_q.quarantine_id).where(*_as_taken(batch_id)).order_by(_q.quarantine_id)
    still = list(connection.execute(lines.with_for_update(of=ops.quarantine)).scalars())
    table = staging.table(stream, batch_id)
    return connection.execute(sa.delete(table).where(table.c.seq.not_in(still))).rowcount


def leave_to_newer(connection: sa.Connection, stream: Stream, system: str, batch_id: int) -> int:
    """Take rows out of staging whose record came again later, and settle their lines as superseded; returns how many.

    Later is: core has a version that was modified later or, where a stream has no such stamp, that a later batch
    brought; or a later version of the record is in quarantine itself.
    """
    table, core = staging.table(stream, batch_id), TABLES[stream.name][0]
    key = table.c[stream.key]
    loaded = core.c.batch_id > _q.batch_id
    if "modified_at" in stream.columns:
        known = sa.and_(core.c.modified_at.is_not(None), table.c.modified_at.is_not(None))
        loaded = sa.case((known, core.c.modified_at > table.c.modified_at), else_=loaded)
    beside = SAME_BESIDE_KEY.get(stream.name, ())
    other = ops.quarantine.alias("other")
    mine, theirs = _place(_q, stream), _place(other.c, stream)
    newer = sa.or_(
        sa.exists().where(
            core.c.system == system, core.c[stream.key] == key, loaded,
            *(_text(core.c[name]) == _text(table.c[name]) for name in beside),
        ),
        sa.exists().where(
            other.c.system == system, other.c.stream == stream.name, other.c.key == key, other.c.status.in_(OPEN),
            other.c.quarantine_id != table.c.seq, sa.tuple_(*theirs) > sa.tuple_(*mine),
            *(_text(effective(other.c)[name].astext) == _text(table.c[name]) for name in beside),
        ),
    )  # fmt: skip
    old = sa.delete(table).where(_q.quarantine_id == table.c.seq, newer).returning(table.c.seq)
    left = list(connection.execute(old).scalars())
    _settle(connection, _q.quarantine_id.in_(left), "superseded")
    return len(left)


def settle(connection: sa.Connection, stream: Stream, batch_id: int) -> None:
    """The lines of the rows in staging have gone through."""
    table = staging.table(stream, batch_id)
    _settle(connection, _q.quarantine_id.in_(sa.select(table.c.seq)), "replayed")


def come_back(connection: sa.Connection, batch_id: int, *, rehearsal: bool) -> dict[str, int]:
    """Move the rows on the open list (see :mod:`.quarantine`) from staging to their lines; closes the list.

    Returns how many rows left staging, by the rule that they broke. A rehearsal leaves the lines as they are.
    """
    statement = files(__package__).joinpath("come_back.sql").read_text(encoding="utf-8")
    statement = statement.replace("staging.batch", f'staging."b{int(batch_id)}"')
    moved = {rule: int(rows) for rule, rows in connection.execute(sa.text(statement), {"rehearsal": rehearsal})}
    quarantine.BROKEN.drop(connection)
    return moved


def _as_taken(batch_id: int) -> list[sa.ColumnElement[bool]]:
    taken = [_r.batch_id == batch_id, _r.quarantine_id == _q.quarantine_id, _r.row_hash == _version()]
    return [*taken, _q.status.in_(OPEN)]


def _version() -> sa.ColumnElement[Any]:
    return sa.func.md5(sa.cast(effective(), sa.Text))


def _place(line: Any, stream: Stream) -> list[sa.ColumnElement[Any]]:
    """What says which of two versions of a record is the later one."""
    place = [line.batch_id, line.quarantine_id]
    if "modified_at" not in stream.columns:
        return place
    stamp = sa.cast(effective(line)["modified_at"].astext, sa.DateTime(timezone=True))
    return [sa.func.coalesce(stamp, sa.text("timestamptz '-infinity'")), *place]


def _text(cell: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    return sa.func.coalesce(cell, "", type_=sa.Text)


def _settle(connection: sa.Connection, which: sa.ColumnElement[bool], status: str) -> None:
    settled = {"status": status, "settled_at": sa.func.clock_timestamp()}
    connection.execute(sa.update(ops.quarantine).where(which).values(settled))
