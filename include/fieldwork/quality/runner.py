"""Run a suite inside PostgreSQL with Great Expectations, and bring back counts and row numbers, never values.

GX judges a table by queries of its own; nothing but counts travels in the first pass. A second pass asks for the
``seq`` of the failing rows, and only of the critical row rules that failed, because those rows must move: on a million
punches that is a third of the time of asking every rule for everything.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import sqlalchemy as sa

from fieldwork.errors import CheckCouldNotRun, ConfigError, FieldworkError

from .suites import Rule, Severity, Suite

#: Counts only: with 0 no unexpected value leaves the database.
_COUNTS: Final[dict[str, Any]] = {"result_format": "BASIC", "partial_unexpected_count": 0}
#: The kind of error in a traceback's text, without what it says.
_SERVER_ERROR: Final = re.compile(r"psycopg\.errors\.(\w+)")
_PYTHON_ERROR: Final = re.compile(r"^(?:\w+\.)*(\w+(?:Error|Exception))\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What a rule said of a table.

    ``failing``: rows that broke it, None for a rule about the whole table or one that could not run. ``total``: rows
    looked at. ``keys``: of a failed critical row rule, the ``seq`` of every failing row. ``problem``: why it could not
    run (the kind of error; never its text, which may quote a row).
    """

    rule: str
    severity: Severity
    outcome: Literal["passed", "failed", "could_not_run"]
    failing: int | None = None
    total: int | None = None
    keys: Sequence[int] = ()
    problem: str | None = None

    @property
    def stops(self) -> bool:
        """A critical rule about the whole table failed: no row can be set aside for it."""
        return self.severity == "critical" and self.outcome == "failed" and self.failing is None


def run(
    url: sa.URL, suite: Suite, *, table: str, rows: int, parameters: Mapping[str, Any], key: str | None
) -> list[RuleOutcome]:
    """Judge ``staging.<table>`` (a table or view of ``rows`` rows) by the suite; one outcome a rule, in suite order.

    ``parameters`` fills ``{"$PARAMETER": name}``. With ``key`` (an integer column) failed critical row rules bring
    their failing rows. A rule that raised is ``could_not_run``. Raises CheckCouldNotRun when GX cannot start at all,
    ConfigError when GX does not understand the suite or gives no row numbers for a critical rule.
    """
    gx = _great_expectations()
    expectations = {rule.id: _understood(gx, suite, rule) for rule in suite.rules}
    with _typed(suite), _batch(gx, url, table) as batch:
        found = _validate(gx, batch, list(suite.rules), _COUNTS, parameters)
        outcomes = [_outcome(gx, rule, found.get(rule.id), rows, expectations[rule.id]) for rule in suite.rules]
        if key is None:
            return outcomes
        broken = {o.rule: o for o in outcomes if o.severity == "critical" and o.outcome == "failed" and o.failing}
        if broken:
            keyed = _COUNTS | {
                "result_format": "COMPLETE",
                "partial_unexpected_count": max(o.failing or 0 for o in broken.values()),
                "unexpected_index_column_names": [key],
                "exclude_unexpected_values": True,
            }
            found = _validate(gx, batch, [suite.rule(name) for name in broken], keyed, parameters)
            outcomes = [_with_keys(o, found.get(o.rule), key) if o.rule in broken else o for o in outcomes]
        return outcomes


def require_run(outcomes: Sequence[RuleOutcome], dataset: str) -> None:
    """Raise CheckCouldNotRun when any rule could not run; that says nothing about the data."""
    failed = [o for o in outcomes if o.outcome == "could_not_run"]
    if failed:
        named = ", ".join(f"{o.rule} ({o.problem})" for o in failed)
        raise CheckCouldNotRun(
            f"{len(failed)} of {len(outcomes)} rules for {dataset} could not run: {named}.",
            todo=f"Look whether PostgreSQL answers and whether expectations/{dataset}.json names columns that exist.",
        )


def _great_expectations() -> Any:
    """GX, imported when first needed: 3.5 s and 255 MB that a process pays once."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"  # read by GX at its import
    import great_expectations  # noqa: TID251 - the one place

    # its messages quote values of the rows and whole statements
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL + 1)
    return great_expectations


@contextlib.contextmanager
def _batch(gx: Any, url: sa.URL, table: str) -> Iterator[Any]:
    """The whole of a table as a GX batch, over a connection of GX's own."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    address = url.render_as_string(hide_password=False)
    source = context.data_sources.add_postgres("warehouse", connection_string=address)
    try:
        asset = source.add_table_asset("table", table_name=table, schema_name="staging")
        yield asset.add_batch_definition_whole_table("all").get_batch()
    finally:
        source.get_execution_engine().engine.dispose()


def _validate(
    gx: Any, batch: Any, rules: Sequence[Rule], result_format: Mapping[str, Any], parameters: Mapping[str, Any]
) -> dict[str, Any]:
    suite = gx.ExpectationSuite(name="rules", expectations=[rule.expectation for rule in rules])
    answer = batch.validate(suite, result_format=dict(result_format), expectation_parameters=dict(parameters))
    return {result.expectation_config.meta["rule"]: result for result in answer.results}


def _understood(gx: Any, suite: Suite, rule: Rule) -> Any:
    """The rule as GX's object: a suite drops what it does not understand and only logs it, so each is tried alone."""
    problem = "it was dropped"
    try:
        kept = gx.ExpectationSuite(name="one", expectations=[rule.expectation]).expectations
        if kept:
            return kept[0]
    except Exception as error:
        problem = type(error).__name__
    raise ConfigError(
        f"Great Expectations does not understand {rule.id} in expectations/{suite.dataset}.json ({problem}).",
        todo="Check its type and kwargs against the gallery of expectations.",
    )


def _outcome(gx: Any, rule: Rule, result: Any, rows: int, expectation: Any) -> RuleOutcome:
    problem = _problem(result)
    if problem:
        return RuleOutcome(rule.id, rule.severity, "could_not_run", problem=problem)
    verdict: Literal["passed", "failed"] = "passed" if result.success else "failed"
    if not isinstance(expectation, _row_rules(gx)):
        return RuleOutcome(rule.id, rule.severity, verdict, total=rows)
    return RuleOutcome(
        rule.id,
        rule.severity,
        verdict,
        failing=int(result.result.get("unexpected_count") or 0),  # None where a row_condition left no row
        total=int(result.result.get("element_count") or 0),
    )


def _with_keys(outcome: RuleOutcome, result: Any, key: str) -> RuleOutcome:
    problem = _problem(result)
    if problem:
        return replace(outcome, outcome="could_not_run", failing=None, total=None, problem=problem)
    listed = result.result.get("unexpected_index_list")
    if listed is None:
        raise ConfigError(
            f"{outcome.rule} is critical, but GX cannot say which rows break such an expectation.",
            todo="Make it a warning, or write it as an expectation about one column or a pair.",
        )
    keys = [seq for group in listed for seq in group[key]]
    if len(keys) != outcome.failing:
        return replace(outcome, outcome="could_not_run", failing=None, total=None, problem="rows changed meanwhile")
    return replace(outcome, keys=keys)


def _problem(result: Any) -> str | None:
    """Why a rule could not run; GX reports that as ``success=False`` too, with the exceptions beside it."""
    if result is None:
        return "no answer"
    info = result.exception_info or {}
    raised = [info] if "raised_exception" in info else list(info.values())  # flat, or one entry a metric
    raised = [one for one in raised if one.get("raised_exception")]
    if not raised:
        return None
    text = " ".join(f"{one.get('exception_message')} {one.get('exception_traceback')}" for one in raised)
    named = re.search(r"psycopg\.errors\.(\w+)", text) or re.search(
        r"^(?:\w+\.)*(\w+(?:Error|Exception))\b", text, re.M
    )
    return named.group(1) if named else "an error"


def _row_rules(gx: Any) -> tuple[type, ...]:
    kinds = gx.expectations.expectation
    return kinds.ColumnMapExpectation, kinds.ColumnPairMapExpectation, kinds.MulticolumnMapExpectation


@contextlib.contextmanager
def _typed(suite: Suite) -> Iterator[None]:
    try:
        yield
    except FieldworkError:
        raise
    except Exception as error:  # GX raises bare exceptions of many packages; their text may quote a row
        raise CheckCouldNotRun(
            f"Great Expectations stopped while it checked {suite.dataset} ({type(error).__name__}).",
            todo="Look whether PostgreSQL answers, then run again: nothing was judged and nothing moved.",
        ) from None
