"""write_back: what the warehouse published, into the CRM; only what differs from the last receipt.

``mart`` and ``ops.receipt`` -> ``ops.outbox`` (one transaction, before any call) -> the CRM -> ``ops.receipt``. Killed
anywhere and run again, it sends what is still pending once more, by external id: the same effect.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from fieldwork.connectors.base import CrmTarget
from fieldwork.failpoint import reached
from fieldwork.settings import Settings
from fieldwork.warehouse import ledger
from fieldwork.writeback import difference, outbox
from fieldwork.writeback.fields import kinds, mapped
from fieldwork.writeback.send import Patience, send

from .progress import Progress, silent


def write_back(
    engine: sa.Engine, settings: Settings, target: CrmTarget, *, run_id: str, progress: Progress = silent
) -> dict[str, Any]:
    """Send the difference; returns numbers of rows by kind.

    ``sent`` = ``accepted`` + ``rejected``; ``created`` of the accepted ones are new. ``pending`` rows were refused for
    now and go out with the next run. ``unchanged`` rows stand in the CRM already, by their receipts;
    ``refused_before`` were refused with the same content earlier and are not tried again.
    A run that was planned as a dry run sends and writes nothing: ``dry_run: True`` and by kind ``to_send``,
    ``unchanged``, ``refused_before`` and ``sample`` (up to ten keys, each with the fields that would change).
    Raises ConfigError (mapping), Fenced (another process writes back), and the target's typed errors; what has no
    receipt by then stays pending.
    """
    with ledger.step(engine, run_id, "write_back") as result:
        with engine.begin() as connection:
            dry_run = ledger.read_run(connection, run_id).dry_run
        if dry_run:
            result.update(_rehearse(engine, settings, target.system))
        else:
            with ledger.held(engine, f"write back to {target.system}"):
                result.update(_write(engine, settings, target, run_id, progress))
        return result


def _rehearse(engine: sa.Engine, settings: Settings, system: str) -> dict[str, Any]:
    found: dict[str, Any] = {"dry_run": True}
    with engine.connect() as connection, connection.begin() as transaction:
        for kind in kinds(settings):
            staged = difference.stage(connection, settings, system, kind)
            found[kind] = {
                "to_send": staged.to_send,
                "unchanged": staged.unchanged,
                "refused_before": staged.refused_before,
                "sample": difference.sample(connection, system, kind),
            }
        transaction.rollback()
    return found


def _write(engine: sa.Engine, settings: Settings, target: CrmTarget, run_id: str, progress: Progress) -> dict[str, Any]:
    rules = settings.section("write_back")
    patience = Patience(rules["tries"], rules["retry_seconds"])
    staged = {}
    reached("before_outbox")
    with engine.begin() as connection:
        for kind in kinds(settings):
            staged[kind] = difference.stage(connection, settings, target.system, kind)
            outbox.enqueue(connection, run_id=run_id, system=target.system, kind=kind)
        outbox.note(connection, run_id=run_id, system=target.system, kinds=kinds(settings))
    reached("after_outbox")
    found: dict[str, Any] = {}
    for kind, counted in staged.items():

        def tell(done: int, total: int, label: str = f"write back {kind}") -> None:
            progress(label, done, total)

        if counted.to_send:
            target.preflight(kind)
        counts = send(engine, target, kind, mapped(settings, target.system, kind), patience, tell)
        found[kind] = {**counts, "unchanged": counted.unchanged, "refused_before": counted.refused_before}
    return found
