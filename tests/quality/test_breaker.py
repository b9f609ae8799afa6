"""The circuit breaker: shares of bad and of waiting rows, by stream, with a number of rows that always may be bad."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fieldwork import settings as settings_module
from fieldwork.quality import breaker, suites
from fieldwork.quality.breaker import BAD, HELD, Limits
from fieldwork.quality.outcome import RuleOutcome
from fieldwork.settings import ROOT, Settings, load

SUITE = suites.read(ROOT / "expectations", "visits")
BROKEN, HELD_BACK = "visits.status_known", "visits.owner_known"


def _settings(**quality: Any) -> Settings:
    settings = load({})
    return replace(settings, config=settings_module.merge(settings.config, {"quality": quality}))


@pytest.mark.parametrize(
    ("rows", "limit"),
    [(0, (100, 100)), (2000, (100, 1000)), (10_000, (500, 5000))],
)
def test_the_default_is_one_in_twenty_and_half_and_never_less_than_a_hundred(rows: int, limit: tuple[int, int]) -> None:
    found = breaker.limits(load({}), "visits", rows)
    assert (found.bad, found.held) == limit


def test_a_stream_may_have_limits_of_its_own() -> None:
    settings = _settings(max_bad_share=0.1, min_bad_rows=0, visits={"max_bad_share": 0.3})
    assert breaker.limits(settings, "visits", 1000).bad == 300
    assert breaker.limits(settings, "punches", 1000).bad == 100


def _failed(rule: str, *keys: int, failing: int | None = None) -> RuleOutcome:
    return RuleOutcome(rule, "critical", "failed", failing=failing or len(keys), total=1000, keys=keys)


def _judged(*outcomes: RuleOutcome, limit: Limits) -> dict[str, tuple[str, int | None]]:
    found = breaker.judge(SUITE, outcomes, 1000, limit)
    assert [o.total for o in found] == [1000, 1000]
    return {o.rule.removeprefix("visits."): (o.outcome, o.failing) for o in found}


def test_a_row_that_breaks_two_rules_is_bad_once_and_one_that_is_bad_does_not_wait() -> None:
    found = _judged(
        _failed(BROKEN, 1, 2), _failed("visits.readable", 2, 3), _failed(HELD_BACK, 3, 4), limit=Limits(3, 0)
    )
    assert found == {BAD: ("passed", 3), HELD: ("failed", 1)}


def test_a_rule_whose_rows_were_not_asked_for_counts_by_itself() -> None:
    found = _judged(_failed(BROKEN, failing=400), _failed("visits.readable", 1), limit=Limits(50, 500))
    assert found == {BAD: ("failed", 400), HELD: ("passed", 0)}


def test_what_is_allowed_is_allowed_and_one_more_is_not() -> None:
    assert _judged(_failed(BROKEN, *range(50)), limit=Limits(50, 0))[BAD] == ("passed", 50)
    assert _judged(_failed(BROKEN, *range(51)), limit=Limits(50, 0))[BAD] == ("failed", 51)


def test_warnings_and_rules_that_could_not_run_trip_nothing() -> None:
    warned = RuleOutcome("visits.account_given", "warning", "failed", failing=900, total=1000)
    raised = RuleOutcome(BROKEN, "critical", "could_not_run", problem="UndefinedColumn")
    assert _judged(warned, raised, limit=Limits(0, 0)) == {BAD: ("passed", 0), HELD: ("passed", 0)}


def test_each_rule_alone_is_asked_for_no_more_rows_than_its_limit() -> None:
    by_rule = Limits(50, 500).by_rule(SUITE)
    assert (by_rule[BROKEN], by_rule[HELD_BACK]) == (50, 500)
