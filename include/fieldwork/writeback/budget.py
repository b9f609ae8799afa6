"""The budget of calls: how many a sending will take is said before the first one, and what does not fit waits.

Of the calls that the CRM grants in 24 hours, write-back takes at most the share ``[write_back] api_share``, its own of
the last 24 hours counted in. Where others used up more than theirs, it takes at most that share of what is left: the
next run reads, and so does the nightly comparison. Corrections go first, then the newest days.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import sqlalchemy as sa

from fieldwork.connectors.base import CrmTarget
from fieldwork.settings import Settings
from fieldwork.warehouse.schema import write

from . import outbox

DAY: Final = sa.text("interval '24 hours'")


@dataclass(frozen=True, slots=True)
class Share:
    """What may be sent now, by kind: rows, the calls that they are expected to take, rows that wait, and how many keys
    are read in one call.
    """

    rows: dict[str, int]
    calls: dict[str, int]
    waiting: dict[str, int]
    pages: dict[str, int]


def allowance(connection: sa.Connection, settings: Settings, target: CrmTarget) -> int | None:
    """Calls that may be made now, after the one that asks the CRM; None when it counts none."""
    quota = target.quota()
    if quota is None:
        return None
    b = write.write_batch.c
    recent = sa.func.clock_timestamp() - DAY
    spent = connection.execute(
        sa.select(sa.func.coalesce(sa.func.sum(b.used_calls), 0)).where(b.system == target.system, b.opened_at > recent)
    ).scalar_one()
    share = float(settings.section("write_back")["api_share"])
    return max(0, min(int(quota.granted * share) - int(spent) - 1, int(quota.left * share)))


def share_out(
    connection: sa.Connection, target: CrmTarget, kinds: Sequence[str], allowed: int | None, batch: int | None = None
) -> Share:
    """The most important waiting rows, of one batch or (None) of all, that the allowed calls are enough for."""
    waits = {kind: outbox.of(target.system, kind, "pending", batch) for kind in kinds}
    lengths = {kind: _key_bytes(connection, waits[kind]) for kind in kinds}

    def cost(taken: dict[str, int]) -> int:
        return sum(target.predict(kind, rows, lengths[kind]) for kind, rows in taken.items())

    taken, waiting = dict.fromkeys(kinds, 0), dict.fromkeys(kinds, 0)
    full = False
    for kind, rows in _groups(connection, waits):
        fits = 0 if full else rows
        if allowed is not None and not full and cost({**taken, kind: taken[kind] + rows}) > allowed:
            full = True
            candidates = range(rows + 1)
            fits = bisect_right(candidates, allowed, key=partial(_cost_with, cost, taken, kind)) - 1
        taken[kind] += max(0, fits)
        waiting[kind] += rows - max(0, fits)
    calls = {kind: target.predict(kind, rows, lengths[kind]) for kind, rows in taken.items()}
    pages = {kind: target.page_size(kind, length) for kind, length in lengths.items()}
    return Share(taken, calls, waiting, pages)


def _groups(connection: sa.Connection, waits: Mapping[str, sa.ColumnElement[bool]]) -> Iterator[tuple[str, int]]:
    """Waiting rows, most important first: kind and number of each (rank, kind)."""
    o = write.outbox.c
    found = []
    for place, (kind, waiting) in enumerate(waits.items()):
        query = sa.select(o.rank, sa.func.count().label("rows")).where(waiting).group_by(o.rank)
        found += [(row.rank, place, kind, row.rows) for row in connection.execute(query)]
    for _, _, kind, rows in sorted(found):
        yield kind, rows


def _key_bytes(connection: sa.Connection, waiting: sa.ColumnElement[bool]) -> int:
    """The mean length of the keys that wait, from a few of them."""
    length = sa.func.octet_length(write.outbox.c.key).label("bytes")
    some = sa.select(length).where(waiting).limit(1000).subquery()
    return int(connection.execute(sa.select(sa.func.coalesce(sa.func.ceil(sa.func.avg(some.c.bytes)), 1))).scalar_one())


def _cost_with(cost: Callable[[dict[str, int]], int], taken: dict[str, int], kind: str, more: int) -> int:
    """Calls for what is taken and ``more`` rows of a kind."""
    return cost({**taken, kind: taken[kind] + more})
