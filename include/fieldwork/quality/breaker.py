"""The circuit breaker: when so many rows of a batch are bad that the source, or a rule, is at fault and not the rows.

Setting aside a few rows leaves the rest right. Setting aside a tenth of a day's punches makes people look absent, and
the CRM would be told so. Rows that only wait for their owner or customer to be known are counted apart: some always
wait, but when half of them do, the list of people is the wrong one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fieldwork.settings import Settings

from .outcome import RuleOutcome
from .suites import Suite

#: Rules that stand in no suite; their ids end so, and begin with the stream.
BAD: Final = "bad_share"
HELD: Final = "held_share"
DESCRIPTIONS: Final[Mapping[str, str]] = {
    BAD: "Not more than `max_bad_share` of the rows are bad",
    HELD: "Not more than `max_held_share` of the rows wait for an owner or customer to be known",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How many rows of a batch may be bad, and how many may wait (rows, not shares)."""

    bad: int
    held: int

    def by_rule(self, suite: Suite) -> dict[str, int]:
        """The limit that each rule of the suite alone must keep."""
        return {rule.id: self.held if rule.held else self.bad for rule in suite.rules}


def limits(settings: Settings, stream: str, rows: int) -> Limits:
    """The stream's limits for a batch of ``rows`` rows: its own table ``[quality.<stream>]`` wins over ``[quality]``.

    So few rows as ``min_bad_rows`` are always allowed: one bad row of three says nothing about the source.
    """
    quality = settings.section("quality")
    told = {**quality, **quality.get(stream, {})}
    least = int(told["min_bad_rows"])
    return Limits(
        bad=max(least, math.floor(float(told["max_bad_share"]) * rows)),
        held=max(least, math.floor(float(told["max_held_share"]) * rows)),
    )


def judge(suite: Suite, outcomes: Sequence[RuleOutcome], rows: int, limit: Limits) -> list[RuleOutcome]:
    """The outcomes of the two rules of the breaker, from those of the suite.

    A rule that alone breaks its limit has brought no keys: its own count is then the least that is bad.
    """
    bad, held = _rows_of(suite, outcomes, held=False), _rows_of(suite, outcomes, held=True)
    counts = {
        BAD: (max(len(bad), _most(suite, outcomes, held=False)), limit.bad),
        HELD: (max(len(held - bad), _most(suite, outcomes, held=True)), limit.held),
    }
    return [
        RuleOutcome(
            f"{suite.dataset}.{name}", "critical", "failed" if count > most else "passed", failing=count, total=rows
        )
        for name, (count, most) in counts.items()
    ]


def is_tripped(outcome: RuleOutcome) -> bool:
    """Whether this is a failed rule of the breaker."""
    return outcome.outcome == "failed" and outcome.rule.rpartition(".")[2] in DESCRIPTIONS


def _rows_of(suite: Suite, outcomes: Sequence[RuleOutcome], *, held: bool) -> set[int]:
    return {seq for o in outcomes if suite.rule(o.rule).held is held for seq in o.keys}


def _most(suite: Suite, outcomes: Sequence[RuleOutcome], *, held: bool) -> int:
    """The greatest count of a failed critical rule whose rows were not asked for."""
    counts = [
        o.failing or 0
        for o in outcomes
        if o.severity == "critical" and o.outcome == "failed" and not o.keys and suite.rule(o.rule).held is held
    ]
    return max(counts, default=0)
