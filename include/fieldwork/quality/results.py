"""Keep what the rules said in ``ops.check_result``: counts, never values."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from fieldwork.warehouse.schema import ops

from .runner import RuleOutcome
from .suites import Suite


def record(
    connection: sa.Connection, suite: Suite, outcomes: Sequence[RuleOutcome], *, run_id: str, batch_id: int = 0
) -> None:
    """Write one line a rule; a repeated check writes over its own lines, and rules gone from the suite go."""
    table, c = ops.check_result, ops.check_result.c
    mine = [c.run_id == run_id, c.dataset == suite.dataset, c.batch_id == batch_id]
    connection.execute(sa.delete(table).where(*mine))
    lines = [
        {
            "run_id": run_id,
            "dataset": suite.dataset,
            "batch_id": batch_id,
            "rule": outcome.rule,
            "severity": outcome.severity,
            "outcome": outcome.outcome,
            "failing": outcome.failing,
            "total": outcome.total,
            "suite_hash": suite.sha256,
        }
        for outcome in outcomes
    ]
    connection.execute(insert(table).values(checked_at=sa.func.clock_timestamp()), lines)
