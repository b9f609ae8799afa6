"""The suites of ``expectations/``: Great Expectations' own JSON, read without Great Expectations.

An expectation is a *rule* here: it has an id of ours that stays the same over versions (``meta.rule``), a severity,
and the words that a row set aside by it is given (``meta.reason``). ``meta.held`` marks a rule that time may mend
(an owner or a customer not known yet).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

from fieldwork.errors import ConfigError
from fieldwork.streams import STREAMS
from fieldwork.warehouse.schema import mart

Severity = Literal["critical", "warning", "info"]
#: Suites about a run's batches as wholes (rows a day, fields on the wire): none of their rows can be set aside.
ABOUT_BATCHES: Final = ("days", "fields")
JOINED: Final = tuple(table.name for table in mart.JOINED)
#: What there is a suite for, in the order of the journey.
DATASETS: Final = (*STREAMS, *ABOUT_BATCHES, *JOINED)
SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "warning", "info")


@dataclass(frozen=True, slots=True)
class Rule:
    """One expectation of a suite; ``expectation`` is its JSON as GX takes it."""

    id: str
    severity: Severity
    description: str
    reason: str
    held: bool
    expectation: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Suite:
    """The rules of one dataset (a stream or a joined table), in the order of the file; ``sha256`` is the file's."""

    dataset: str
    sha256: str
    rules: tuple[Rule, ...]

    def rule(self, rule_id: str) -> Rule:
        """The rule of this id; KeyError when there is none."""
        return {rule.id: rule for rule in self.rules}[rule_id]


def read(directory: Path, dataset: str) -> Suite:
    """The suite of a dataset; raises ConfigError that names the file and the expectation at fault."""
    return read_file(directory / f"{dataset}.json", dataset)


def read_file(path: Path, dataset: str) -> Suite:
    """A suite for the dataset from any file; raises ConfigError like :func:`read`."""
    try:
        content = path.read_bytes()
        document = json.loads(content)
        expectations = document["expectations"]
    except FileNotFoundError:
        raise ConfigError(f"There is no suite {path}.", todo="Restore it, or check FIELDWORK_EXPECTATIONS.") from None
    except (ValueError, KeyError, TypeError):
        raise ConfigError(
            f"{path} is not a suite.", todo="Write GX's JSON: an object with name, expectations and meta."
        ) from None
    if not isinstance(expectations, list) or not expectations:
        raise ConfigError(f"{path} holds no expectations.", todo="Restore it: a suite without rules checks nothing.")
    rules = tuple(_rule(path, number, expectation) for number, expectation in enumerate(expectations, start=1))
    twice = [rule_id for rule_id, times in Counter(rule.id for rule in rules).items() if times > 1]
    if twice:
        raise ConfigError(f"{path} has two rules {', '.join(twice)}.", todo="Give each its own meta.rule.")
    return Suite(dataset, hashlib.sha256(content).hexdigest(), rules)


def _rule(path: Path, number: int, expectation: Any) -> Rule:
    meta = expectation.get("meta") if isinstance(expectation, dict) else None
    rule_id = meta.get("rule") if isinstance(meta, dict) else None
    if not isinstance(expectation, dict) or not isinstance(meta, dict) or not isinstance(rule_id, str):
        raise ConfigError(
            f"Expectation {number} of {path} has no meta.rule.", todo=f'Name it, e.g. "{path.stem}.kind_known".'
        )
    severity = expectation.get("severity", "critical")  # GX's default
    if severity not in SEVERITIES:
        raise ConfigError(f"{rule_id} in {path} has no known severity.", todo=f"Use {', '.join(SEVERITIES)}.")
    description = str(expectation.get("description") or rule_id)
    return Rule(
        id=rule_id,
        severity=cast(Severity, severity),
        description=description,
        reason=str(meta.get("reason") or description),
        held=meta.get("held") is True,
        expectation=expectation,
    )
