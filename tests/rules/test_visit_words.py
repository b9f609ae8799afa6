"""The names of reasons and signals: one list, told alike by the statements, the suites, the views and docs/rules.md."""

from __future__ import annotations

import json
import re
from importlib.resources import files

import pytest
import sqlalchemy as sa

from fieldwork.rules import sql
from fieldwork.settings import ROOT

STATEMENTS = ("check_in", "swapped_check_in", "check_in_signal", "visit_check", "free_check_in", "unmatched_check_in")
NO_PLACE = {"check_in_not_located", "null_island", "out_of_bounds", "position_incomplete", "swapped_position"}


def documented(heading: str) -> set[str]:
    """The names in the first column of the table under this heading of docs/rules.md."""
    _, _, rest = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8").partition(f"| {heading} |")
    table = rest.partition("\n\n")[0]
    return {name for line in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", line.split("|")[1])}


def suite(dataset: str) -> set[str]:
    """The names that the suite accepts."""
    rules = json.loads((ROOT / "expectations" / f"{dataset}.json").read_text(encoding="utf-8"))["expectations"]
    (known,) = [r for r in rules if r["meta"]["rule"] == f"{dataset}.reason_code_known"]
    return set(known["kwargs"]["value_set"])


def emitted(name: str, *, since: str, until: str) -> set[str]:
    """The names that a part of a statement gives."""
    text = sql.read(name)
    return set(re.findall(r"(?:then|else) '(\w+)'", text[text.index(since) : text.index(until)]))


def test_the_reasons_of_visits() -> None:
    said = emitted("visit_check", since="case verdict", until="as reason_code") | NO_PLACE
    assert said == suite("visit_check") == documented("`reason_code` of a visit")


def test_the_reasons_of_check_ins() -> None:
    hints = emitted("free_check_in", since="case n.place_in_line", until="as hint")
    said = hints | emitted("unmatched_check_in", since="        case\n", until="as reason_code") | NO_PLACE
    assert said == suite("unmatched_check_in") == documented("`reason_code` of a check-in")


def test_the_signals(warehouse: sa.Engine) -> None:
    with warehouse.connect() as connection:
        told = set(connection.scalars(sa.text("select signal from ref.location_signal")))
    text = "".join(sql.read(name) for name in STATEMENTS[:3])
    said = set(re.findall(r"then '(\w+)' end", text)) | {"swapped_position"}
    assert said == told == documented("signal")


@pytest.mark.parametrize(("view", "dataset"), [("visit_check", "visit_check"), ("unmatched_check_in",) * 2])
def test_every_reason_has_a_chinese_sentence(view: str, dataset: str) -> None:
    text = files("fieldwork.warehouse").joinpath("views_visit.sql").read_text(encoding="utf-8")
    body = text.partition(f"create or replace view report.{view} ")[2].partition(";")[0]
    told = body.partition("reason_code\n")[2].partition("as reason_zh")[0]
    assert set(re.findall(r"when '(\w+)'", told)) == suite(dataset)
