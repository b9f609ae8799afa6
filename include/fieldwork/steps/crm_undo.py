"""crm_undo: take one write batch back. What stood before it is put back, people's later edits are spared.

The undo is a batch itself, sent like any other: it may be interrupted and given again, rehearsed, and undone.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from fieldwork.connectors.base import CrmTarget
from fieldwork.errors import ConfigError
from fieldwork.settings import Settings
from fieldwork.warehouse import ledger
from fieldwork.writeback import undo
from fieldwork.writeback.campaign import Campaign

from .progress import Progress, silent


def rehearse_undo(engine: sa.Engine, number: int, *, limit: int = 10) -> dict[str, Any]:
    """What taking the batch back would do: ``put_back``, ``delete`` and ``left`` records, and ``sample``, up to
    ``limit`` keys with their fields as (now, then). Nothing is written, the CRM is not asked. Raises ConfigError.
    """
    with engine.connect() as connection, connection.begin() as transaction:
        undone = undo.batch(connection, number)
        own, records = undo.enqueue(connection, undone, run_id="rehearsal")
        counts = undo.count(connection, undone, own, records)
        sample = undo.sample(connection, own, limit=limit)
        transaction.rollback()
    return {"batch": number, "kind": undone.kind, **counts, "sample": sample}


def crm_undo(
    engine: sa.Engine,
    settings: Settings,
    target: CrmTarget,
    *,
    number: int,
    run_id: str,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Take the batch back; numbers of records as :func:`fieldwork.steps.write_back.send_difference` gives them.

    ``batch`` is the undo's own number, None when nothing of the batch was left to take back. Raises ConfigError,
    Fenced, and the target's typed errors; what has no receipt by then goes with the next sending.
    """
    with ledger.step(engine, run_id, "crm_undo") as result, ledger.held(engine, f"write back to {target.system}"):
        with engine.connect() as connection:
            undone = undo.batch(connection, number)
        if undone.system != target.system:
            raise ConfigError(
                f"Batch {number} went to {undone.system}, not to {target.system}.", todo="Mend the number."
            )
        campaign = Campaign(engine, settings, target, run_id, [undone.kind])
        campaign.recover()
        with engine.begin() as connection:
            own, records = undo.enqueue(connection, undone, run_id=run_id)
            campaign.fill(connection, undone.kind, own, records)
        campaign.only = own
        result.update({"undoes": number, "kind": undone.kind, **campaign.send(progress)[undone.kind]})
        return result
