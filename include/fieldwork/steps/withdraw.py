"""withdraw: records that a source has no more leave the joined dataset, with the ledger and the touched days.

What the reconciliation found gone (``ops.reconcile_finding``) goes the way of any batch, of kind ``repair``: a visit, a
task or an opportunity is loaded as deleted; a punch or an approval leaves core for the quarantine, where it is kept as
superseded; a customer or a user stays, because others name it, and is marked missing. People are marked by a full read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.quality import mend, quarantine
from fieldwork.settings import Settings
from fieldwork.streams import STREAMS, Stream
from fieldwork.warehouse import ledger, staging
from fieldwork.warehouse.merge import TABLES, Merge, take_turn
from fieldwork.warehouse.schema import ops, reconcile

from .settle import close_batch, merge_batch, touch_days

REASON: Final = "The source has the record no more"


def withdraw(engine: sa.Engine, settings: Settings, *, run_id: str, streams: Sequence[str]) -> dict[str, int]:
    """Withdraw what is gone from these streams, in one transaction a stream; returns how many records by stream."""
    with ledger.step(engine, run_id, "withdraw") as result:
        for name in streams:
            with engine.begin() as connection:
                for system, keys in _found(connection, name, "gone").items():
                    result[name] = result.get(name, 0) + _withdraw(connection, settings, run_id, system, name, keys)
                _welcome_back(connection, name)
        return result


def _found(connection: sa.Connection, name: str, kind: str) -> dict[str, list[str]]:
    f = reconcile.finding.c
    found: dict[str, list[str]] = {}
    query = sa.select(f.system, f.key).where(f.stream == name, f.kind == kind, f.status == "open").order_by(f.key)
    for system, key in connection.execute(query):
        found.setdefault(system, []).append(key)
    return found


def _withdraw(
    connection: sa.Connection, settings: Settings, run_id: str, system: str, name: str, keys: Sequence[str]
) -> int:
    stream, table = STREAMS[name], TABLES[name][0]
    take_turn(connection, name)
    if "missing_since" in table.c:
        gone = [table.c.system == system, table.c[stream.key].in_(keys), table.c.missing_since.is_(None)]
        statement = sa.update(table).where(*gone).values(missing_since=sa.func.now())
        return 0 if name == "employees" else connection.execute(statement).rowcount
    batch_id = ledger.open_again(
        connection, run_id=run_id, system=system, stream=name, kind="repair", state="checked"
    )  # fmt: skip
    staging.create(connection, stream, batch_id)
    rows = _copy(connection, stream, system, batch_id, keys)
    outcome = {"extracted": rows, "loaded": 0, "unchanged": 0, "quarantined": 0, "duplicate": 0, "out_of_scope": 0}
    if "deleted" in stream.columns:
        merged, aside, touched = merge_batch(connection, settings, stream, system, batch_id, whole=False)
        outcome |= {"loaded": merged.loaded, "unchanged": merged.unchanged, "quarantined": aside}
    else:
        touched = _take_out(connection, settings, run_id, stream, system, batch_id, keys)
        outcome |= {"quarantined": rows}
    close_batch(connection, stream, batch_id, outcome, touched)
    return rows


def _copy(connection: sa.Connection, stream: Stream, system: str, batch_id: int, keys: Sequence[str]) -> int:
    """The records as they stand into the batch's staging table, deleted where there is such a column."""
    table = staging.table(stream, batch_id)
    cells = {**_cells(stream), **({"deleted": sa.true()} if "deleted" in stream.columns else {})}
    rows = (
        sa.select(*(cells[name] for name in stream.columns))
        .select_from(_joined(stream))
        .where(*_which(stream, system, keys))
    )
    statement = sa.insert(table).from_select(list(stream.columns), rows)
    return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount


def _take_out(
    connection: sa.Connection,
    settings: Settings,
    run_id: str,
    stream: Stream,
    system: str,
    batch_id: int,
    keys: Sequence[str],
) -> int:
    """Staged rows to the quarantine, records out of core; returns the touched person-days."""
    quarantine.open_list(connection)
    seqs = sa.select(staging.table(stream, batch_id).c.seq)
    quarantine.note(connection, seqs, rule=f"{stream.name}.gone", reason=REASON, held=False)
    quarantine.set_aside(connection, stream, system, batch_id)
    mend.act(connection, f"run {run_id}", REASON)
    settled = {"status": "superseded", "settled_at": sa.func.clock_timestamp()}
    connection.execute(sa.update(ops.quarantine).where(ops.quarantine.c.batch_id == batch_id).values(settled))
    today = settings.now().astimezone(settings.time_zone).date()
    delta = Merge(stream, system, batch_id, settings.time_zone.key, today).delta
    delta.create(connection)
    cells = _cells(stream)
    old = (
        sa.select(
            sa.literal("old"), sa.false(), TABLES[stream.name][0].c.employee_id, *(cells[n] for n in stream.columns)
        )
        .select_from(_joined(stream))
        .where(*_which(stream, system, keys))
    )
    connection.execute(sa.insert(delta).from_select(list(delta.c.keys()), old))
    touched = touch_days(connection, settings, [stream.name], reason=stream.name)
    first, *others = TABLES[stream.name]
    for other in others:
        same = [other.c.employee_id == first.c.employee_id, other.c[stream.key] == first.c[stream.key]]
        connection.execute(sa.delete(other).where(*same, *_which(stream, system, keys)))
    connection.execute(sa.delete(first).where(*_which(stream, system, keys)))
    return touched


def _welcome_back(connection: sa.Connection, name: str) -> None:
    """Customers and users that were missing and are there again."""
    stream, table = STREAMS[name], TABLES[name][0]
    if "missing_since" in table.c and name != "employees":
        for system, keys in _found(connection, name, "stale").items():
            back = [table.c.system == system, table.c[stream.key].in_(keys)]
            connection.execute(sa.update(table).where(*back).values(missing_since=None))


def _which(stream: Stream, system: str, keys: Sequence[str]) -> list[sa.ColumnElement[bool]]:
    first = TABLES[stream.name][0]
    return [first.c.system == system, first.c[stream.key].in_(keys)]


def _cells(stream: Stream) -> dict[str, sa.ColumnElement[Any]]:
    """Where each canonical column is kept."""
    cells: dict[str, sa.ColumnElement[Any]] = {}
    for table in reversed(TABLES[stream.name]):
        cells |= {name: table.c[name] for name in stream.columns if name in table.c}
    return cells


def _joined(stream: Stream) -> sa.FromClause:
    first, *others = TABLES[stream.name]
    joined: sa.FromClause = first
    for other in others:
        same = sa.and_(other.c.employee_id == first.c.employee_id, other.c[stream.key] == first.c[stream.key])
        joined = joined.outerjoin(other, same)
    return joined
