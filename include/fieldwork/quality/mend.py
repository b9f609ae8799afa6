"""What people do to quarantined rows: mend cells, dismiss with a reason, take a dismissal back.

Everything happens in the caller's transaction; ``ops.quarantine`` itself notes who did what (``ops.quarantine_event``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from importlib.resources import files

import sqlalchemy as sa

from fieldwork.errors import ConfigError
from fieldwork.streams import STREAMS
from fieldwork.warehouse.schema import ops

from .cells import Given, typed
from .choice import OPEN, Choice


def act(connection: sa.Connection, who: str, reason: str | None = None) -> None:
    """Say in whose name, and why, the rows change from here to the end of the transaction."""
    connection.execute(sa.select(sa.func.set_config("fieldwork.who", who, True)))
    connection.execute(sa.select(sa.func.set_config("fieldwork.reason", reason or "", True)))


def mend(connection: sa.Connection, changes: Mapping[int, Mapping[str, Given]]) -> int:
    """Lay ``{quarantine_id: {column: value}}`` on the rows; returns how many are different now, each ``mended``.

    Raises ConfigError for a number that is none, a row that has gone through or was superseded, a column that the
    stream does not have and a value that cannot be typed; then nothing is changed.
    """
    rows = _locked(connection, list(changes))
    settled = {number: status for number, (_, status) in rows.items() if status in {"replayed", "superseded"}}
    if settled:
        number, status = next(iter(settled.items()))
        raise ConfigError(
            f"{len(settled)} of the rows cannot be mended any more: {number} is {status}.",
            todo="Its record is in the warehouse: mend it in the source.",
        )
    by_stream: dict[str, dict[int, str]] = defaultdict(dict)
    for number, cells in changes.items():
        name = rows[number][0]
        try:
            by_stream[name][number] = typed(STREAMS[name], cells)
        except ConfigError as error:
            raise ConfigError(f"Row {number}: {error.happened}", todo=error.todo) from None
    statement = sa.text(files(__package__).joinpath("mend.sql").read_text(encoding="utf-8"))
    changed = 0
    for name, mended in by_stream.items():
        values = {"ids": list(mended), "changes": list(mended.values()), "key_column": STREAMS[name].key}
        changed += connection.execute(statement, values).scalar_one()
    return changed


def dismiss(connection: sa.Connection, choice: Choice) -> int:
    """Open rows of the choice do not matter any more; returns how many. The reason is said by :func:`act`."""
    q = ops.quarantine.c
    gone = {"status": "dismissed", "settled_at": sa.func.clock_timestamp()}
    statement = sa.update(ops.quarantine).where(*choice.conditions(), q.status.in_(OPEN)).values(gone)
    return connection.execute(statement).rowcount


def undo_dismissal(connection: sa.Connection, choice: Choice) -> int:
    """Dismissed rows of the choice wait again, as they did before; returns how many."""
    q, e = ops.quarantine.c, ops.quarantine_event.c
    before = (
        sa.select(e.was)
        .where(e.quarantine_id == q.quarantine_id, e.status == "dismissed")
        .order_by(e.event_id.desc())
        .limit(1)
        .scalar_subquery()
    )
    unknown = sa.case((q.mended.is_(None), "new"), else_="mended")
    back = {"status": sa.func.coalesce(before, unknown), "settled_at": None}
    statement = sa.update(ops.quarantine).where(*choice.conditions(), q.status == "dismissed").values(back)
    return connection.execute(statement).rowcount


def require(connection: sa.Connection, ids: tuple[int, ...]) -> None:
    """Raise ConfigError when one of the numbers is no quarantined row."""
    _locked(connection, list(ids))


def _locked(connection: sa.Connection, ids: list[int]) -> dict[int, tuple[str, str]]:
    """Stream and status of the rows, which are ours until the transaction ends."""
    q = ops.quarantine.c
    query = sa.select(q.quarantine_id, q.stream, q.status).where(q.quarantine_id.in_(ids)).order_by(q.quarantine_id)
    rows = {row.quarantine_id: (row.stream, row.status) for row in connection.execute(query.with_for_update())}
    unknown = [str(number) for number in ids if number not in rows]
    if unknown:
        raise ConfigError(
            f"There is no quarantined row {', '.join(unknown[:5])}{' …' if len(unknown) > 5 else ''}.",
            todo="`fieldwork quarantine list` shows the numbers.",
        )
    return rows
