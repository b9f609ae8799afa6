"""Quarantined rows as people are shown them: number, record, rule, reason, status and age; values only on request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from fieldwork.errors import ConfigError
from fieldwork.warehouse.schema import ops

from .choice import Choice

_q = ops.quarantine.c
_AGE: Final = (sa.func.clock_timestamp() - _q.set_aside_at).label("age")
#: What a line tells; no cell of the row but its key.
COLUMNS: Final = (
    _q.quarantine_id, _q.system, _q.stream, _q.key, _q.rule, _q.reason, _q.status, _AGE, _q.seen, _q.set_aside_at,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of a row's history."""

    at: datetime
    who: str
    was: str
    status: str
    columns: Sequence[str] | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """One quarantined row; ``filled`` names the columns that hold something, ``replays`` the batches that took it."""

    about: dict[str, Any]
    filled: Sequence[str]
    mended_columns: Sequence[str]
    history: Sequence[Change]
    replays: Sequence[int]


def count(connection: sa.Connection, choice: Choice) -> int:
    """How many rows the choice means."""
    query = sa.select(sa.func.count()).select_from(ops.quarantine).where(*choice.conditions())
    return connection.execute(query).scalar_one()


def ids(connection: sa.Connection, choice: Choice) -> list[int]:
    """Their numbers."""
    return list(connection.execute(sa.select(_q.quarantine_id).where(*choice.conditions())).scalars())


def listed(connection: sa.Connection, choice: Choice, limit: int = 0, *, values: bool = False) -> list[dict[str, Any]]:
    """The chosen rows, the oldest first, as :data:`COLUMNS`; with ``values`` also ``row`` (as it stands now)."""
    shown: list[sa.ColumnElement[Any]] = [*COLUMNS]
    if values:
        shown.append(effective().label("row"))
    query = sa.select(*shown).where(*choice.conditions()).order_by(_q.set_aside_at, _q.quarantine_id)
    return [dict(row) for row in connection.execute(query.limit(limit) if limit else query).mappings()]


def show(connection: sa.Connection, quarantine_id: int) -> Line:
    """One row with its history; raises ConfigError when there is none of this number."""
    row = connection.execute(
        sa.select(*COLUMNS, _q.batch_id, _q.settled_at, _q.payload, _q.mended).where(_q.quarantine_id == quarantine_id)
    ).mappings().one_or_none()  # fmt: skip
    if row is None:
        raise ConfigError(
            f"There is no quarantined row {quarantine_id}.", todo="`fieldwork quarantine list` shows the numbers."
        )
    payload, mended = row["payload"], row["mended"]
    e, r = ops.quarantine_event.c, ops.replay.c
    history = connection.execute(
        sa.select(e.at, e.who, e.was, e.status, e.columns, e.reason)
        .where(e.quarantine_id == quarantine_id)
        .order_by(e.event_id)
    )
    replays = connection.execute(
        sa.select(r.batch_id).where(r.quarantine_id == quarantine_id).order_by(r.batch_id)
    ).scalars()
    return Line(
        about={name: value for name, value in row.items() if name not in {"payload", "mended"}},
        filled=[name for name, value in (mended or payload).items() if value is not None],
        mended_columns=[name for name in mended or {} if mended[name] != payload.get(name)],
        history=[Change(*change) for change in history],
        replays=list(replays),
    )


def values(connection: sa.Connection, quarantine_id: int) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The row as it came and as it was mended: personal data, so the caller notes who looked."""
    row = connection.execute(sa.select(_q.payload, _q.mended).where(_q.quarantine_id == quarantine_id)).one()
    return dict(row.payload), row.mended


def effective(line: Any = _q) -> Any:
    """The row that would go through: as mended, else as it came (JSON)."""
    return sa.func.coalesce(line.mended, line.payload, type_=JSONB)


def days(age: timedelta) -> str:
    """An age for people: ``3 d``, ``5 h``, ``12 min``."""
    minutes = int(age.total_seconds()) // 60
    if minutes < 60:
        return f"{max(minutes, 0)} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} d"
