"""What people type into a quarantined row: typed by the stream's columns, or refused without saying what it was."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fieldwork.errors import ConfigError
from fieldwork.quality.cells import typed
from fieldwork.streams import STREAMS


@pytest.mark.parametrize(
    ("stream", "given", "held"),
    [
        ("punches", {"punched_at": "2026-11-02T09:00:00+08:00"}, {"punched_at": "2026-11-02T01:00:00+00:00"}),
        ("punches", {"base_at": "2026-11-02 01:00Z"}, {"base_at": "2026-11-02T01:00:00+00:00"}),
        ("punches", {"latitude": "31.25", "accuracy_m": 30}, {"latitude": 31.25, "accuracy_m": 30.0}),
        ("punches", {"place": "", "parse_error": None}, {"place": None, "parse_error": None}),
        ("employees", {"employee_no": "001"}, {"employee_no": "001"}),
        ("employees", {"hired_on": "2020-02-29"}, {"hired_on": "2020-02-29"}),
        ("visits", {"deleted": "TRUE", "status": "done"}, {"deleted": True, "status": "done"}),
        ("visits", {"deleted": False}, {"deleted": False}),
        ("opportunities", {"is_won": "0", "stage": "=1+1 \U00020bb7"}, {"is_won": False, "stage": "=1+1 \U00020bb7"}),
    ],
)  # fmt: skip
def test_cells_are_typed_by_the_columns(stream: str, given: dict[str, Any], held: dict[str, Any]) -> None:
    assert json.loads(typed(STREAMS[stream], given)) == held


def test_money_stays_exact() -> None:
    assert typed(STREAMS["opportunities"], {"amount": "1234567890123456.70"}) == '{"amount": 1234567890123456.70}'


@pytest.mark.parametrize(
    ("stream", "column", "value"),
    [
        ("punches", "punched_at", "2026-11-02 09:00"),  # no offset: whose nine o'clock?
        ("punches", "punched_at", "yesterday"),
        ("punches", "latitude", "nan"),
        ("punches", "latitude", "north"),
        ("punches", "kind", "a\0b"),
        ("punches", "kind", "\ud83d"),
        ("employees", "hired_on", "2026-02-29"),
        ("visits", "deleted", "perhaps"),
        ("opportunities", "amount", "1.005"),
        ("opportunities", "amount", "1e17"),
        ("opportunities", "amount", "Infinity"),
    ],
)
def test_what_cannot_be_typed_is_refused_by_its_column(stream: str, column: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"What was given for {column} is not ") as refused:
        typed(STREAMS[stream], {column: value})
    assert value not in str(refused.value)


def test_unknown_columns_and_an_invented_parse_error_are_refused() -> None:
    with pytest.raises(ConfigError, match="punches has no column owner_known, seq"):
        typed(STREAMS["punches"], {"seq": 1, "owner_known": "true", "kind": "in"})
    with pytest.raises(ConfigError, match="can only be emptied"):
        typed(STREAMS["punches"], {"parse_error": "x"})
