"""What a rule said of a table; and of one that could not run, why, and whether trying again may help.

A check that could not run says nothing about the data. A column that is not there will not be there next time either
(:class:`~fieldwork.errors.SuiteUnfit`); a server that went away comes back
(:class:`~fieldwork.errors.CheckCouldNotRun`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

import psycopg

from fieldwork.errors import CheckCouldNotRun, SuiteUnfit

from .suites import Rule, Severity, Suite

#: How many rows of a failed rule are named.
NAMED: Final = 20

#: The kind of error in a traceback's text, without what it says.
_SERVER_ERROR: Final = re.compile(r"psycopg\.errors\.(\w+)")
_PYTHON_ERROR: Final = re.compile(r"^(?:\w+\.)*(\w+(?:Error|Exception))\b", re.MULTILINE)

#: Classes of SQLSTATE that the same statement meets again: unknown names and types, impossible values, no such feature.
_LASTING_STATES: Final = ("22", "42", "0A")
#: Errors that a rule meets again because of what it asks for.
_LASTING_ERRORS: Final = frozenset(
    {
        "InvalidMetricAccessorDomainKwargsKeyError",
        "InvalidColumnTypeError",
        "SuiteParameterError",
        "NotImplementedError",
        "AttributeError",
        "KeyError",
        "TypeError",
        "ValueError",
    }
)


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What a rule said of a table.

    ``failing``: rows that broke it, None for a rule about the whole table or one that could not run. ``total``: rows
    looked at. ``keys``: of a failed critical row rule, the ``seq`` of every failing row (none where there were more
    than the caller wanted). ``named``: what names the first :data:`NAMED` failing rows, one tuple a row. ``problem``:
    why it could not run (the kind of error; never its text, which may quote a row); ``lasting``: it will not run the
    next time either.
    """

    rule: str
    severity: Severity
    outcome: Literal["passed", "failed", "could_not_run"]
    failing: int | None = None
    total: int | None = None
    keys: Sequence[int] = ()
    named: Sequence[tuple[Any, ...]] = ()
    problem: str | None = None
    lasting: bool = False

    @classmethod
    def could_not_run(cls, rule: Rule, problem: str) -> Self:
        """The outcome of a rule that raised this kind of error."""
        return cls(rule.id, rule.severity, "could_not_run", problem=problem, lasting=is_lasting(problem))

    @property
    def stops(self) -> bool:
        """A critical rule about the whole table failed: no row can be set aside for it."""
        return self.severity == "critical" and self.outcome == "failed" and self.failing is None


def without_rows(suite: Suite) -> list[RuleOutcome]:
    """What the suite's rules about rows say when there is none to judge: GX need not be asked."""
    return [RuleOutcome(rule.id, rule.severity, "passed", failing=0, total=0) for rule in suite.rules]


def kind_of_error(text: str) -> str:
    """The name of the error that a traceback tells of: the server's where it was one, else Python's."""
    named = _SERVER_ERROR.search(text) or _PYTHON_ERROR.search(text)
    return named.group(1) if named else "an error"


def is_lasting(problem: str) -> bool:
    """Whether an error of this kind comes again when the same rule is tried again."""
    state = getattr(getattr(psycopg.errors, problem, None), "sqlstate", None)
    return problem in _LASTING_ERRORS or (isinstance(state, str) and state.startswith(_LASTING_STATES))


def require_run(outcomes: Sequence[RuleOutcome], dataset: str) -> None:
    """Raise when any rule could not run: CheckCouldNotRun if all of them may run the next time, else SuiteUnfit."""
    failed = [o for o in outcomes if o.outcome == "could_not_run"]
    lasting = [o for o in failed if o.lasting]
    named = ", ".join(f"{o.rule} ({o.problem})" for o in lasting or failed)
    happened = f"{len(lasting or failed)} of {len(outcomes)} rules for {dataset} could not run: {named}."
    if lasting:
        raise SuiteUnfit(
            happened,
            todo=f"Nothing was judged and nothing moved. Mend the rules in expectations/{dataset}.json: a column, type,"
            " pattern or parameter that they name does not fit. `fieldwork checks lint` names such rules.",
        )
    if failed:
        raise CheckCouldNotRun(
            happened, todo="Nothing was judged and nothing moved. Look whether PostgreSQL answers, then run again."
        )
