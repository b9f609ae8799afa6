"""Great Expectations itself: imported here, in one function, and nowhere else; and what it makes of an expectation.

Its import costs seconds and hundreds of megabytes that only a process which checks should pay.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from fieldwork.errors import ConfigError

from .suites import Rule, Suite

#: The one expectation about rows of which GX cannot say, in SQL, which rows they are.
_NAMELESS: Final = "expect_compound_columns_to_be_unique"


@dataclass(frozen=True, slots=True)
class Understood:
    """What GX makes of an expectation: ``about`` rows or the whole table; ``finds_rows``: it names those at fault."""

    about: Literal["rows", "table"]
    finds_rows: bool


def load() -> Any:
    """The package; 3.5 s and 255 MB when it is first asked for."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"  # read by GX at its import
    # its messages quote values of the rows and whole statements, and its import alone says hundreds of lines
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL + 1)
    import great_expectations  # noqa: TID251 - the one place

    return great_expectations


def understand(expectation: Mapping[str, Any]) -> Understood:
    """GX's view of one expectation's JSON; raises ConfigError that says what GX does not understand in it."""
    gx = load()
    try:
        made = gx.expectations.expectation_configuration.ExpectationConfiguration(**expectation).to_domain_obj()
    except Exception as error:  # of many kinds; they speak of names and limits, no data are near
        why = _reason(error)
    else:
        return _understood(gx, made)
    raise ConfigError(why, todo="Compare its type and kwargs with GX's gallery of expectations.")


def understand_rule(suite: Suite, rule: Rule) -> Understood:
    """The same for a rule of a suite: GX would drop what it does not understand from a suite, and only log it."""
    try:
        return understand(rule.expectation)
    except ConfigError as error:
        raise ConfigError(
            f"Great Expectations does not understand {rule.id} in expectations/{suite.dataset}.json: {error.happened}.",
            todo=error.todo,
        ) from None


def _understood(gx: Any, made: Any) -> Understood:
    kinds = gx.expectations.expectation
    about_rows = kinds.ColumnMapExpectation, kinds.ColumnPairMapExpectation, kinds.MulticolumnMapExpectation
    if not isinstance(made, about_rows):
        return Understood("table", finds_rows=False)
    return Understood("rows", finds_rows=made.expectation_type != _NAMELESS)


def _reason(error: Exception) -> str:
    listed = getattr(error, "errors", None)
    if not callable(listed):
        return str(error).partition("\n")[0]
    parts = [(".".join(str(step) for step in one["loc"]), one["msg"]) for one in listed()]
    return "; ".join(msg if where == "__root__" else f"{where}: {msg}" for where, msg in parts)
