"""The table of explanations: one for every column of the joined tables, made of names that exist."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import Engine, text

from fieldwork.warehouse.schema import mart, ref

KINDS = {"punch", "check_in", "leave", "visit", "account", "task", "opportunity"}


@pytest.fixture(scope="module")
def entries(shared_warehouse: Engine) -> list[Any]:
    with shared_warehouse.connect() as connection:
        return list(connection.execute(text("select * from report.explanation")))


def test_every_column_has_one_explanation_and_every_explanation_a_column(entries: list[Any]) -> None:
    columns = sorted((table.name, column.name) for table in mart.JOINED for column in table.columns)
    assert sorted((e.dataset, e.column_name) for e in entries) == columns, "add an entry to warehouse/explanations.sql"


def test_explanations_name_what_exists(shared_warehouse: Engine, entries: list[Any]) -> None:
    with shared_warehouse.connect() as connection:
        shift = connection.execute(text("select * from ref.shift_day where false")).keys()
    known = {c.name for table in (*mart.JOINED, ref.rule_version) for c in table.columns} | set(shift)
    known |= {"visits_weight", "tasks_weight", "attendance_weight"}
    for entry in entries:
        assert set(entry.sources) <= KINDS, entry
        assert set(entry.inputs) <= known, entry
        assert set(re.findall(r"{(\w+)}", entry.rule)) <= known, entry
        assert entry.rule.endswith("."), entry


def test_names_in_braces_are_filled_in_and_unknown_ones_are_marked(shared_warehouse: Engine) -> None:
    query = text('select report.fill_in(\'{a} of {b}, {c} left: {d}\', \'{"a": 1, "b": "two", "c": null}\')')
    with shared_warehouse.connect() as connection:
        assert connection.execute(query).scalar_one() == "1 of two, ? left: ?"
