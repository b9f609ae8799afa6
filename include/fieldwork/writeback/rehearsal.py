"""A rehearsal that asks the CRM: the whole comparison of a sending, in a transaction that is rolled back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa

from fieldwork.connectors.base import CrmTarget
from fieldwork.settings import Settings
from fieldwork.warehouse.schema import write

from . import batches, difference, fields, outbox
from .compare import Rules, compare
from .live import LiveTable
from .statements import read

#: Changes compared at once.
WAVE: Final = 2_000


def judge(
    engine: sa.Engine,
    settings: Settings,
    target: CrmTarget,
    kind: str,
    *,
    limit: int,
    everything: bool,
    tell: Callable[[int, int], None],
) -> tuple[difference.Difference, dict[str, int], dict[str, Any]]:
    """The staged difference of one kind; of its records, judged against what stands in the CRM, how many would be sent
    (``to_send``), are there already (``same``), were edited (``kept``) or are ``gone``, and ``conflicts`` of fields;
    and a sample of changes as (live, new). Nothing is kept, and nothing sent.
    """
    rules = Rules(fields.ours(settings, kind), target.creates(kind), fields.marks(settings, target.system, kind))
    counts: Counter[str] = Counter(to_send=0, same=0, kept=0, gone=0, conflicts=0)
    sample: dict[str, Any] = {}
    with (
        LiveTable(engine, target.system, kind) as stage,
        engine.connect() as connection,
        connection.begin() as transaction,
    ):
        staged = difference.stage(connection, settings, target.system, kind, everything=everything)
        waiting = _enqueue(connection, target.system, kind)
        for first in range(0, len(waiting), WAVE):
            wave = waiting[first : first + WAVE]
            live = _live(target, kind, [key for _, key in wave])
            found = compare(connection, stage, [one for one, _ in wave], live, rules)
            counts.update(found.settled)
            counts.update(to_send=len(found.upserts), conflicts=found.conflicts)
            if len(sample) < limit:
                some = {"limit": limit - len(sample)}
                sample |= dict(connection.execute(sa.text(read("live_sample")), some).tuples().all())
            tell(first + len(wave), len(waiting))
        transaction.rollback()
    return staged, dict(counts), sample


def _enqueue(connection: sa.Connection, system: str, kind: str) -> list[tuple[int, str]]:
    """The staged difference in the outbox; ids and keys, most important first."""
    batch = batches.begin(connection, run_id="rehearsal", system=system, kind=kind)
    outbox.tidy(connection, system, kind)
    outbox.enqueue(connection, run_id="rehearsal", batch=batch, system=system, kind=kind)
    o = write.outbox.c
    query = sa.select(o.outbox_id, o.key).where(o.write_batch_id == batch).order_by(o.rank, o.outbox_id)
    return [(row.outbox_id, row.key) for row in connection.execute(query)]


def _live(target: CrmTarget, kind: str, keys: list[str]) -> pa.Table:
    page = target.page_size(kind, max(len(key.encode()) for key in keys))
    return pa.concat_tables(target.current(kind, keys[first : first + page]) for first in range(0, len(keys), page))
