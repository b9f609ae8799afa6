"""Run a suite inside PostgreSQL with Great Expectations, and bring back counts and keys, never values.

GX judges a table by queries of its own; nothing but counts travels in the first pass. A second pass asks which rows
broke the rules that failed: all of them for critical rules (their rows will be set aside), a few for warnings. What GX
could not run it reports like a failure, and here it is told apart (:mod:`fieldwork.quality.outcome`).

Great Expectations is imported in one function here and nowhere else: it costs seconds and hundreds of megabytes.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import sqlalchemy as sa

from fieldwork.errors import CheckCouldNotRun, ConfigError, FieldworkError, SuiteUnfit

from .outcome import NAMED, RuleOutcome, is_lasting, kind_of_error, require_run
from .suites import SEVERITIES, Rule, Suite

__all__ = ["RuleOutcome", "Understood", "require_run", "run", "understand"]

#: Counts only: with 0 no unexpected value leaves the database.
_COUNTS: Final[dict[str, Any]] = {"result_format": "BASIC", "partial_unexpected_count": 0}
#: The one expectation about rows of which GX cannot say, in SQL, which rows they are.
_NAMELESS: Final = "expect_compound_columns_to_be_unique"
#: For GX's connection. Compiling its long aggregates costs more than running them; a million ids are sorted in memory.
_SESSION: Final = "-c jit=off -c work_mem=128MB -c timezone=UTC"


@dataclass(frozen=True, slots=True)
class Understood:
    """What GX makes of an expectation: ``about`` rows or the whole table; ``finds_rows``: it names those at fault."""

    about: Literal["rows", "table"]
    finds_rows: bool


def understand(expectation: Mapping[str, Any]) -> Understood:
    """GX's view of one expectation's JSON; raises ConfigError that says what GX does not understand in it."""
    gx = _great_expectations()
    return _understood(gx, _as_object(gx, expectation))


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
    raised is ``could_not_run``. Raises
    CheckCouldNotRun or SuiteUnfit when GX cannot start at all, ConfigError when GX does not understand the suite or
    gives no row numbers for a critical rule.
    """
    gx = _great_expectations()
    understood = {rule.id: _understood(gx, _of_suite(gx, suite, rule)) for rule in suite.rules}
    with _typed(suite), _batch(gx, url, table) as batch:

        def ask(rules: Sequence[Rule], result_format: Mapping[str, Any]) -> dict[str, Any]:
            return _validate(gx, batch, rules, result_format, parameters)

        outcomes = _counted(suite, understood, rows, ask)
        limit = most or {}
        keyed = [
            o
            for o in outcomes
            if key and _is_broken(o, "critical") and (o.failing or 0) <= limit.get(o.rule, o.failing or 0)
        ]
        whole = {o.rule: o for o in keyed}
        told = ("critical", "warning") if key else SEVERITIES  # what is only to be known is not worth another pass
        shown = [o for o in outcomes if named_by and _is_broken(o, *told) and o.rule not in whole]
        if keyed:
            enough = max(o.failing or 0 for o in keyed)
            found = ask([suite.rule(o.rule) for o in keyed], _keyed("COMPLETE", [str(key)], enough))
            outcomes = [_with_keys(o, found.get(o.rule), str(key)) if o.rule in whole else o for o in outcomes]
        if shown:
            names = {o.rule for o in shown}
            found = ask([suite.rule(o.rule) for o in shown], _keyed("SUMMARY", named_by, named))
            outcomes = [_with_names(o, found.get(o.rule), named_by) if o.rule in names else o for o in outcomes]
        return outcomes


def _great_expectations() -> Any:
    """GX, imported when first needed: 3.5 s and 255 MB that a process pays once."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"  # read by GX at its import
    # its messages quote values of the rows and whole statements, and its import alone says hundreds of lines
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL + 1)
    import great_expectations  # noqa: TID251 - the one place

    return great_expectations


# --- what GX makes of the JSON


def _as_object(gx: Any, expectation: Mapping[str, Any]) -> Any:
    """The expectation as GX's object; raises ConfigError with GX's own reason (names and limits, no data)."""
    configuration = gx.expectations.expectation_configuration.ExpectationConfiguration
    try:
        return configuration(**expectation).to_domain_obj()
    except Exception as error:
        listed = getattr(error, "errors", None)
        if callable(listed):
            parts = [(".".join(str(step) for step in one["loc"]), one["msg"]) for one in listed()]
            why = "; ".join(msg if where == "__root__" else f"{where}: {msg}" for where, msg in parts)
        else:
            why = str(error).partition("\n")[0]
    raise ConfigError(why, todo="Compare its type and kwargs with GX's gallery of expectations.")


def _of_suite(gx: Any, suite: Suite, rule: Rule) -> Any:
    """The same for a rule of a suite: GX would drop what it does not understand from a suite, and only log it."""
    try:
        return _as_object(gx, rule.expectation)
    except ConfigError as error:
        raise ConfigError(
            f"Great Expectations does not understand {rule.id} in expectations/{suite.dataset}.json: {error.happened}.",
            todo=error.todo,
        ) from None


def _understood(gx: Any, expectation: Any) -> Understood:
    kinds = gx.expectations.expectation
    about_rows = kinds.ColumnMapExpectation, kinds.ColumnPairMapExpectation, kinds.MulticolumnMapExpectation
    if not isinstance(expectation, about_rows):
        return Understood("table", finds_rows=False)
    return Understood("rows", finds_rows=expectation.expectation_type != _NAMELESS)


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
    gx: Any, batch: Any, rules: Sequence[Rule], result_format: Mapping[str, Any], parameters: Mapping[str, Any]
) -> dict[str, Any]:
    suite = gx.ExpectationSuite(name="rules", expectations=[rule.expectation for rule in rules])
    answer = batch.validate(suite, result_format=dict(result_format), expectation_parameters=dict(parameters))
    return {result.expectation_config.meta["rule"]: result for result in answer.results}


def _counted(suite: Suite, understood: Mapping[str, Understood], rows: int, ask: Any) -> list[RuleOutcome]:
    """The first pass. GX bundles the rules into few queries, and one rule that PostgreSQL refuses spoils its bundle:
    those are asked again one by one, so that the one at fault is named alone."""
    found = ask(suite.rules, _COUNTS)
    outcomes = [_outcome(rule, found.get(rule.id), rows, understood[rule.id]) for rule in suite.rules]
    spoilt = [o for o in outcomes if o.lasting]
    if len(spoilt) > 1:
        for outcome in spoilt:
            found |= ask([suite.rule(outcome.rule)], _COUNTS)
        outcomes = [_outcome(rule, found.get(rule.id), rows, understood[rule.id]) for rule in suite.rules]
    return outcomes


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
