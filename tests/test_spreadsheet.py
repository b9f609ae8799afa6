"""CSV that a spreadsheet opens without running anything in it, and that reads back as it was."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldwork.spreadsheet import defuse, defused, restore, restored, write

RUN = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\0=1",
    "＝1",
    "＋1",
    "－1",
    "＠x",
    " =1",
    "\u3000=1",
    "'=1",
]


@pytest.mark.parametrize("cell", RUN)
def test_a_text_that_would_run_is_defused(cell: str) -> None:
    assert defuse(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", [-1, 1.5, -0.5, Decimal("-12.30"), True, None, "plain", "", "a=b", "1-2", "'plain"])
def test_numbers_stay_numbers_and_other_text_stays_as_it_is(cell: object) -> None:
    assert defuse(cell) is cell


def test_what_is_no_text_is_told_as_text() -> None:
    assert defuse(date(2026, 11, 2)) == "2026-11-02"
    assert defuse(timedelta(days=-1)) == "'-1 day, 0:00:00"


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet="'=+-@＝ \t\r\nab", max_size=6))
def test_what_was_defused_is_restored_and_never_runs(text: str) -> None:
    assert restore(defuse(text)) == text
    column = pa.chunked_array([[text, None]])
    assert defused(column).to_pylist() == [defuse(text), None]
    assert restored(defused(column)).to_pylist() == [text, None]
    assert (
        defuse(text).lstrip("' \u3000")[:1] not in {"=", "+", "-", "@", "＝", "\t", "\r", "\n"}
        or defuse(text)[0] == "'"
    )


def test_a_file_quotes_text_so_that_no_separator_splits_a_cell() -> None:
    file = io.StringIO()
    write(file, ["name", "=n"], [["a;=cmd()|'!A1", -5], ['=HYPERLINK("x")', 1.5]])
    assert file.getvalue().splitlines() == [
        '"name","\'=n"',
        '"a;=cmd()|\'!A1",-5',
        '"\'=HYPERLINK(""x"")",1.5',
    ]
    assert next(csv.reader(io.StringIO(file.getvalue()))) == ["name", "'=n"]
