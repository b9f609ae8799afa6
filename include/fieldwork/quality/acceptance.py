"""A person has looked at what stopped a batch and lets it go on: which rules, who, and why; it is noted twice.

Beside the result that was accepted, and in ``ops.audit_log``. A rule about single rows cannot be accepted: its rows are
set aside and stop nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from fieldwork.errors import ConfigError
from fieldwork.streams import STREAMS
from fieldwork.warehouse.schema import ops

from . import breaker, suites
from .outcome import RuleOutcome
from .suites import ABOUT_BATCHES

#: How the types of expectations about single rows begin; told from the name, because to ask GX costs its import.
_ABOUT_ROWS: Final = tuple(
    f"expect_{what}_"
    for what in ("column_values", "column_value", "column_pair_values", "multicolumn", "select_column")
)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Rules that may fail this once; ``by`` is a login, ``why`` the person's own words."""

    rules: frozenset[str] = frozenset()
    by: str = ""
    why: str = ""

    def covers(self, outcome: RuleOutcome) -> bool:
        """Whether the failure of this rule stops nothing."""
        return outcome.rule in self.rules

    def words(self) -> str:
        """Who and why, as it stands beside a result."""
        return f"{self.by}: {self.why}" if self.why else self.by


NOTHING: Final = Acceptance()


def require_known(accepted: Iterable[str], expectations: Path) -> None:
    """Raise ConfigError for a rule that there is not, or that stops no batch."""
    known = {f"{stream}.{name}" for stream in STREAMS for name in breaker.DESCRIPTIONS}
    of_rows: set[str] = set()
    for dataset in (*STREAMS, *ABOUT_BATCHES):
        for rule in suites.read(expectations, dataset).rules:
            (of_rows if dataset in STREAMS and _names_rows(rule) else known).add(rule.id)
    for rule_id in accepted:
        if rule_id in of_rows:
            raise ConfigError(
                f"{rule_id} is about single rows: those that break it are set aside and stop nothing.",
                todo="Accept the rule that the error named.",
            )
        if rule_id not in known:
            raise ConfigError(f"There is no rule {rule_id}.", todo="`fieldwork checks list` shows them all.")


def note(
    connection: sa.Connection, accepted: Sequence[RuleOutcome], acceptance: Acceptance, *, run_id: str, batch_id: int
) -> None:
    """Write down that these failed rules were let pass."""
    if accepted:
        connection.execute(
            sa.insert(ops.audit_log).values(
                at=sa.func.clock_timestamp(),
                who=f"{acceptance.by}, run {run_id}",
                action="accept failed rules",
                purpose=acceptance.why or None,
                rows=sum(o.failing or 0 for o in accepted),
                detail={"rules": [o.rule for o in accepted], "batch_id": batch_id},
            )
        )


def _names_rows(rule: suites.Rule) -> bool:
    return str(rule.expectation.get("type")).startswith(_ABOUT_ROWS)
