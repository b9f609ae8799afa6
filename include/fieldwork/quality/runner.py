"""Run a suite inside PostgreSQL with Great Expectations, and bring back counts and keys, never values.

GX judges a table by queries of its own; nothing but counts travels in the first pass. A second pass asks which rows
broke the rules that failed: all of them for critical rules (their rows will be set aside), a few for warnings. What GX
could not run it reports like a failure, and here it is told apart (:mod:`fieldwork.quality.outcome`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, Literal

import sqlalchemy as sa

from fieldwork.errors import CheckCouldNotRun, ConfigError, FieldworkError, SuiteUnfit

from . import gx as great_expectations
from .gx import Understood
from .outcome import NAMED, RuleOutcome, is_lasting, kind_of_error, require_run
from .suites import SEVERITIES, Rule, Suite

__all__ = ["RuleOutcome", "require_run", "run"]

#: Counts only: with 0 no unexpected value leaves the database.
_COUNTS: Final[dict[str, Any]] = {"result_format": "BASIC", "partial_unexpected_count": 0}
#: For GX's connection. Compiling its long aggregates costs more than running them; a million ids are sorted in memory.
_SESSION: Final = "-c jit=off -c work_mem=128MB -c timezone=UTC"

#: Rules and how much GX is to tell of them -> its result of each, by the rule's id.
_Ask = Callable[[Sequence[Rule], Mapping[str, Any]], dict[str, Any]]


def run(
    url: sa.URL,
    suite: Suite,
    *,
    table: str,
    rows: int,
    parameters: Mapping[str, Any],
    key: str | None,
    named_by: Sequence[str] = (),
    named: int = NAMED,
    most: Mapping[str, int] | None = None,
) -> list[RuleOutcome]:
    """Judge ``staging.<table>`` (a table or view of ``rows`` rows) by the suite; one outcome a rule, in suite order.

    ``parameters`` fills ``{"$PARAMETER": name}``. With ``key`` (an integer column) failed critical row rules bring all
    their failing rows, unless these are more than ``most`` says of the rule. With ``named_by`` the other failed rules
    (with ``key`` as well: warnings and critical ones) bring the values of those columns for ``named`` rows. A rule that
    raised is ``could_not_run``. Raises CheckCouldNotRun or SuiteUnfit when GX cannot start at all, ConfigError when GX
    does not understand the suite or gives no row numbers for a critical rule.
    """
    gx = great_expectations.load()
    understood = {rule.id: great_expectations.understand_rule(suite, rule) for rule in suite.rules}
    with _typed(suite), _batch(gx, url, table) as batch:
        ask = partial(_validate, gx, batch, parameters)
        found = ask(suite.rules, _COUNTS)
        outcomes = [_outcome(rule, found.get(rule.id), rows, understood[rule.id]) for rule in suite.rules]
        if key:
            outcomes = _with_every_key(suite, outcomes, ask, key, most or {})
        if named_by:
            severities = SEVERITIES[:2] if key else SEVERITIES  # what is only to be known is not worth another pass
            outcomes = _with_some_names(suite, outcomes, ask, named_by, named, severities)
        return outcomes


# --- asking GX


@contextlib.contextmanager
def _batch(gx: Any, url: sa.URL, table: str) -> Iterator[Any]:
    """The whole of a table as a GX batch, over a connection of GX's own."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    options = " ".join(filter(None, (str(url.query.get("options", "")), _SESSION)))
    address = url.update_query_dict({"options": options, "application_name": "fieldwork checks"})
    source = context.data_sources.add_postgres(
        "warehouse", connection_string=address.render_as_string(hide_password=False)
    )
    try:
        asset = source.add_table_asset("table", table_name=table, schema_name="staging")
        yield asset.add_batch_definition_whole_table("all").get_batch()
    finally:
        source.get_execution_engine().engine.dispose()


def _validate(
    gx: Any, batch: Any, parameters: Mapping[str, Any], rules: Sequence[Rule], result_format: Mapping[str, Any]
) -> dict[str, Any]:
    """GX's result of each rule, by its id."""
    suite = gx.ExpectationSuite(name="rules", expectations=[rule.expectation for rule in rules])
    answer = batch.validate(suite, result_format=dict(result_format), expectation_parameters=dict(parameters))
    return {result.expectation_config.meta["rule"]: result for result in answer.results}


def _with_every_key(
    suite: Suite, outcomes: Sequence[RuleOutcome], ask: _Ask, key: str, most: Mapping[str, int]
) -> list[RuleOutcome]:
    """Failed critical rules with the ``key`` of every failing row, where these are not more than ``most`` says."""
    chosen = {
        o.rule for o in outcomes if _is_broken(o, "critical") and (o.failing or 0) <= most.get(o.rule, o.failing or 0)
    }
    if not chosen:
        return list(outcomes)
    enough = max(o.failing or 0 for o in outcomes if o.rule in chosen)
    found = ask([suite.rule(name) for name in chosen], _keyed("COMPLETE", [key], enough))
    return [_with_keys(o, found.get(o.rule), key) if o.rule in chosen else o for o in outcomes]


def _with_some_names(
    suite: Suite,
    outcomes: Sequence[RuleOutcome],
    ask: _Ask,
    columns: Sequence[str],
    most: int,
    severities: Sequence[str],
) -> list[RuleOutcome]:
    """Failed rules without keys, with what names their first failing rows."""
    chosen = {o.rule for o in outcomes if _is_broken(o, *severities) and not o.keys}
    if not chosen:
        return list(outcomes)
    found = ask([suite.rule(name) for name in chosen], _keyed("SUMMARY", columns, most))
    return [_with_names(o, found.get(o.rule), columns) if o.rule in chosen else o for o in outcomes]


def _keyed(result_format: str, columns: Sequence[str], most: int) -> dict[str, Any]:
    return {
        "result_format": result_format,
        "partial_unexpected_count": most,
        "unexpected_index_column_names": list(columns),
        "exclude_unexpected_values": True,
    }


def _is_broken(outcome: RuleOutcome, *severities: str) -> bool:
    return outcome.severity in severities and outcome.outcome == "failed" and bool(outcome.failing)


# --- reading GX's answers


def _outcome(rule: Rule, result: Any, rows: int, understood: Understood) -> RuleOutcome:
    problem = _problem(result)
    if problem:
        return RuleOutcome.could_not_run(rule, problem)
    verdict: Literal["passed", "failed"] = "passed" if result.success else "failed"
    if understood.about == "table":
        return RuleOutcome(rule.id, rule.severity, verdict, total=rows)
    return RuleOutcome(
        rule.id,
        rule.severity,
        verdict,
        failing=int(result.result.get("unexpected_count") or 0),  # None where a row_condition left no row
        total=int(result.result.get("element_count") or 0),
    )


def _with_keys(outcome: RuleOutcome, result: Any, key: str) -> RuleOutcome:
    """The outcome with the ``key`` of every failing row."""
    problem = _problem(result)
    if problem:
        return _raised_later(outcome, problem)
    listed = result.result.get("unexpected_index_list")
    if listed is None:
        raise ConfigError(
            f"{outcome.rule} is critical, but GX cannot say which rows break such an expectation.",
            todo="Make it a warning, or write it as an expectation about one column or a pair.",
        )
    keys = [seq for group in listed for seq in group[key]]
    if len(keys) != outcome.failing:
        return _raised_later(outcome, "rows changed meanwhile")
    return replace(outcome, keys=keys)


def _with_names(outcome: RuleOutcome, result: Any, columns: Sequence[str]) -> RuleOutcome:
    """The outcome with what names a few failing rows; as it was where GX cannot tell them."""
    if _problem(result):
        return outcome
    groups = result.result.get("partial_unexpected_index_list") or []
    named = [row for group in groups for row in zip(*(group[column] for column in columns), strict=True)]
    return replace(outcome, named=sorted(named, key=str))


def _raised_later(outcome: RuleOutcome, problem: str) -> RuleOutcome:
    """What was counted does not hold any more: the rule raised when it was asked for the rows."""
    return RuleOutcome(outcome.rule, outcome.severity, "could_not_run", problem=problem, lasting=is_lasting(problem))


def _problem(result: Any) -> str | None:
    """Why a rule could not run; GX reports that as ``success=False`` too, with the exceptions beside it."""
    if result is None:
        return "no answer"
    info = result.exception_info or {}
    raised = [info] if "raised_exception" in info else list(info.values())  # flat, or one entry a metric
    raised = [one for one in raised if one.get("raised_exception")]
    if not raised:
        return None
    return kind_of_error(" ".join(f"{one.get('exception_message')} {one.get('exception_traceback')}" for one in raised))


@contextlib.contextmanager
def _typed(suite: Suite) -> Iterator[None]:
    try:
        yield
    except FieldworkError:
        raise
    except Exception as error:  # GX raises bare exceptions of many packages; their text may quote a row
        problem = type(error).__name__
    else:
        return
    if is_lasting(problem):
        raise SuiteUnfit(
            f"Great Expectations cannot check {suite.dataset} by this suite ({problem}).",
            todo=f"Nothing was judged and nothing moved. Mend expectations/{suite.dataset}.json:"
            " `fieldwork checks lint` says what is wrong there.",
        ) from None
    raise CheckCouldNotRun(
        f"Great Expectations stopped while it checked {suite.dataset} ({problem}).",
        todo="Look whether PostgreSQL answers, then run again: nothing was judged and nothing moved.",
    ) from None
