"""Keep what the rules said in ``ops.check_result``: counts and keys, never values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from fieldwork.warehouse.schema import ops

from .acceptance import NOTHING, Acceptance
from .outcome import NAMED, RuleOutcome
from .suites import Suite


def record(
    connection: sa.Connection,
    suite: Suite,
    outcomes: Sequence[RuleOutcome],
    *,
    run_id: str,
    batch_id: int = 0,
    keys: Mapping[str, Sequence[str]] | None = None,
    acceptance: Acceptance = NOTHING,
) -> None:
    """Write one line a rule; a repeated check writes over its own lines, and rules gone from the suite go.

    ``keys`` names rows that broke a rule, by rule, where the outcomes do not name them.
    """
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
            "keys": (list((keys or {}).get(outcome.rule, ())) or names(outcome))[:NAMED] or sa.null(),
            "problem": outcome.problem,
            "accepted_by": acceptance.words() if outcome.outcome == "failed" and acceptance.covers(outcome) else None,
            "suite_hash": suite.sha256,
        }
        for outcome in outcomes
    ]
    connection.execute(insert(table).values(checked_at=sa.func.clock_timestamp()), lines)


def names(outcome: RuleOutcome) -> list[str]:
    """What names the rows that broke a rule, each text once: the parts of a key with a blank between them."""
    return list(dict.fromkeys(" ".join(_shown(part) for part in parts) for parts in outcome.named))


def _shown(part: Any) -> str:
    return "(none)" if part is None else str(part)
