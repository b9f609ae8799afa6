"""Both systems fail: it is tried again, or it is a typed error that says what to do; nothing lost or doubled."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Journey

#: What each server does once, and then no more.
TRANSIENT = [
    {"match": "/topapi/v2/user/list", "kind": "token_expire"},
    {"match": "/attendance/listRecord", "kind": "errcode", "code": 90018},
    {"match": "/attendance/listRecord", "kind": "truncate", "after": 1},
    {"match": "/topapi/attendance/getleavestatus", "kind": "timeout", "seconds": 0.2},
    {"match": "/topapi/checkin/record/get", "kind": "status_503"},
    {"match": "/query", "kind": "status_401"},
    {"match": "/query", "kind": "status_503", "after": 2},
    {"match": "/query", "kind": "reset", "after": 4},
    {"match": "/composite/sobjects", "kind": "status_401"},
    {"match": "/composite/sobjects", "kind": "status_503", "after": 1},
    {"match": "/composite/sobjects", "kind": "lost_answer", "after": 2},
]


@pytest.mark.timeout(300)
def test_what_passes_is_tried_again(journey: Journey) -> None:
    for rule in TRANSIENT:
        journey.inject(**rule)
    assert journey.run() == 0, journey.said()
    left = (journey.mart(), journey.crm())
    _adds_up(journey)
    assert journey.run() == 0
    assert (journey.mart(), journey.crm()) == left
    assert journey.ask("select count(*) from mart.performance_day_history") == [(0,)]


def _lasting(match: str, errcode: int, error: str) -> tuple[dict[str, Any], str]:
    return {"match": match, "kind": "errcode", "code": errcode, "times": 9999}, error


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("rule", "code"),
    [
        pytest.param(*_lasting("/attendance/listRecord", 90020, "QuotaExhausted"), marks=pytest.mark.slow),
        pytest.param(*_lasting("/attendance/listRecord", 60011, "RequestRefused"), marks=pytest.mark.slow),
        ({"match": "/composite/sobjects", "kind": "status_403_limit", "times": 1}, "QuotaExhausted"),
    ],
)
def test_what_stays_is_a_typed_error_and_the_next_run_goes_on(
    journey: Journey, rule: dict[str, Any], code: str
) -> None:
    journey.inject(**rule)
    assert journey.run() == 1, journey.said()
    assert code in journey.said()
    assert "What to do:" in journey.said()
    ((state, error),) = journey.ask("select state, error from ops.run")
    assert state == "failed"
    assert error.startswith(f"[{code}]")
    journey.clear()
    assert journey.run() == 0, journey.said()
    _adds_up(journey)
    performance = [r for r in journey.crm() if "External_Id__c" in r]
    assert len(performance) == journey.mart()["performance_day"][1]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_one_bad_row_in_two_hundred_stops_no_other(journey: Journey) -> None:
    journey.inject(
        match="/composite/sobjects/Daily_Performance__c", kind="row_error", rows=[3],
        code="FIELD_CUSTOM_VALIDATION_EXCEPTION", message="Not on a holiday.",
    )  # fmt: skip
    assert journey.run() == 0, journey.said()
    days = journey.mart()["performance_day"][1]
    assert journey.ask("select count(*) filter (where ok), count(*) from ops.receipt where kind = 'performance'") == [
        (days - 1, days)
    ]
    assert journey.ask("select code, message from ops.receipt where not ok") == [
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Not on a holiday.")
    ]
    assert len([r for r in journey.crm() if "External_Id__c" in r]) == days - 1
    assert journey.run() == 0
    assert journey.ask("select count(*) from ops.outbox where state = 'pending'") == [(0,)]


def _adds_up(journey: Journey) -> None:
    assert journey.ask(
        "select count(*) > 0, bool_and(extracted = loaded + unchanged + quarantined + duplicate + out_of_scope) "
        "from ops.batch where state = 'closed'"
    ) == [(True, True)]
    records = journey.crm()
    keys = [record["External_Id__c"] for record in records if "External_Id__c" in record]
    assert len(keys) == len(set(keys)) == journey.mart()["performance_day"][1]
