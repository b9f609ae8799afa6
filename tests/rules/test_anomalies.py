"""One list of anomalies: the SQL finds no others, the docs explain each, and each has a golden case."""

from __future__ import annotations

import re

from fieldwork.rules import sql
from fieldwork.rules.anomalies import ANOMALIES
from fieldwork.settings import ROOT
from tests.golden import cases


def test_the_sql_names_them_in_order_and_no_others() -> None:
    listed = sql.read("attendance_day").partition("array_remove(array[")[2].partition("], null)")[0]
    assert re.findall(r"then '(\w+)' end", listed) == list(ANOMALIES) == sorted(ANOMALIES)


def test_the_docs_explain_each_with_an_example() -> None:
    page = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    section = page.partition("### Anomalies")[2].partition("\n## ")[0]
    told = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \| [^|]+ \|$", section, re.MULTILINE))
    assert told == ANOMALIES


def test_each_has_a_golden_case() -> None:
    expected = [
        told.get("anomalies", [])
        for topic in cases.topics()
        for case in topic.cases
        for words, told in case.expect.items()
        if words.startswith("attendance") and told != "no row"
    ]
    assert {name for names in expected for name in names} == set(ANOMALIES)
