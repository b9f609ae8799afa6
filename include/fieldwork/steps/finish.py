"""finish: the run is done; and what a person should look at, though nothing stopped."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from fieldwork.quality import ageing
from fieldwork.settings import Settings
from fieldwork.warehouse import ledger
from fieldwork.warehouse.schema import ops


def finish(engine: sa.Engine, settings: Settings, *, run_id: str) -> dict[str, Any]:
    """Note that the run is done; returns ``{quarantine: {rows, oldest_days}, warnings}``, for whoever called to say.

    What it opened and never read (a replay that was refused) is given up.
    """
    with ledger.step(engine, run_id, "finish") as result:
        with engine.begin() as connection:
            waiting = ageing.waiting(connection, settings)
            b = ops.batch.c
            unread = sa.and_(b.run_id == run_id, b.kind == "replay", b.state == "open")
            connection.execute(sa.update(ops.batch).where(unread).values(state="abandoned"))
            ledger.finish_run(connection, run_id)
        warnings = waiting.pop("warnings")
        result.update(quarantine=waiting, warnings=warnings)
        return result
