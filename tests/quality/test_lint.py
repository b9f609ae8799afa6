"""The linter: the shipped suites are clean, and each mistake is listed with its file and rule, all of them at once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fieldwork.errors import ConfigError
from fieldwork.quality import lint
from fieldwork.quality.suites import DATASETS
from fieldwork.settings import ROOT

Document = dict[str, Any]
NOT_NULL = "expect_column_values_to_not_be_null"


def _rule(name: str, kind: str = NOT_NULL, *, severity: str = "warning", meta: Any = None, **kwargs: Any) -> Document:
    about = {"rule": f"punches.{name}", "reason": "It is wrong"} | (meta or {})
    return {"type": kind, "kwargs": kwargs, "severity": severity, "description": "It is right", "meta": about}


def _problems(tmp_path: Path, *rules: Document, **more: Any) -> list[str]:
    """What is said of a suite of punches with these rules beside a good row count; the rule's id in front."""
    count = _rule("row_count", "expect_table_row_count_to_be_between", severity="critical", min_value=0)
    path = tmp_path / "punches.json"
    path.write_text(json.dumps({"name": "punches", "expectations": [count, *rules]} | more), encoding="utf-8")
    return [f"{f.rule}: {f.problem}" if f.rule else f.problem for f in lint.lint_file(path)]


def test_the_shipped_suites_are_clean() -> None:
    assert lint.lint(ROOT / "expectations") == []


def test_every_problem_of_every_file_is_listed(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "expectations", tmp_path / "mine")
    (tmp_path / "mine" / "leave.json").unlink()
    (tmp_path / "mine" / "visit.json").write_text('{"name": "visit", "expectations": []}', encoding="utf-8")
    (tmp_path / "mine" / "tasks.json").write_text('{"name": "tasks",\n"expectations": [}', encoding="utf-8")
    days = json.loads((tmp_path / "mine" / "days.json").read_text(encoding="utf-8"))
    days["expectations"][0]["kwargs"]["column"] = "row"
    days["expectations"][1]["severity"] = "fatal"
    (tmp_path / "mine" / "days.json").write_text(json.dumps(days), encoding="utf-8")
    found = [(f.file, f.rule, f.problem.partition(":")[0].partition(";")[0]) for f in lint.lint(tmp_path / "mine")]
    assert found == [
        ("leave.json", "", "there is no such file"),
        ("days.json", "days.not_empty", "days has no column row"),
        ("days.json", "days.not_empty", found[2][2]),
        ("days.json", "days.usual", "its severity is none of critical, warning, info"),
        ("days.json", "days.usual", "Great Expectations"),
        ("tasks.json", "", "it is no suite"),
        ("visit.json", "", "there is no dataset visit"),
    ]


GOOD: list[Document] = [
    _rule("good", column="kind"),
    _rule("also_good", "expect_column_values_to_be_in_set", severity="critical", column="kind", value_set=["in"]),
    _rule("null_is_meant", "expect_column_values_to_be_between", severity="critical", meta={"null_passes": True},
          column="latitude", min_value=0),
    _rule("held_back", "expect_column_values_to_not_be_in_set", severity="critical", meta={"held": True},
          column="owner_known", value_set=[False]),
    _rule("a_pair", "expect_column_pair_values_a_to_be_greater_than_b", severity="critical", column_A="punched_at",
          column_B="modified_at", ignore_row_if="either_value_is_missing"),
    _rule("with_parameter", "expect_column_values_to_be_between", column="punched_at",
          max_value={"$PARAMETER": "latest_plausible"}),
]  # fmt: skip


def test_good_rules_are_left_in_peace(tmp_path: Path) -> None:
    assert _problems(tmp_path, *GOOD) == []


BETWEEN = "expect_column_values_to_be_between"
CASES: list[tuple[Document, str]] = [
    (_rule("x", "expect_the_unexpected", column="kind"), "Great Expectations: expect_the_unexpected not found"),
    (_rule("x", colum="kind"), "Great Expectations: column: field required; colum: extra fields not permitted"),
    (_rule("x", BETWEEN, column="accuracy_m"), "min_value and max_value cannot both be None"),
    (_rule("x", column="kinds"), "punches has no column kinds"),
    (
        _rule("x", column="kind", row_condition={"type": "nullity", "column": {"name": "lat"}, "is_null": True}),
        "punches has no column lat",
    ),
    (_rule("x", column="kind", row_condition="latitude > 1"), "its row_condition is a text"),
    (_rule("x", BETWEEN, column="accuracy_m", max_value={"$PARAMETER": "most"}), "there is no parameter most"),
    (_rule("x", BETWEEN, column="accuracy_m", max_value={"$PARAMETER": "stale_days"}), "no parameter stale_days"),
    (
        _rule("x", column="kind", row_condition={"type": "comparison", "column": {"name": "latitude"},
              "operator": ">", "parameter": {"$PARAMETER": "min_rows"}}),
        "GX puts no parameters into a row_condition",
    ),
    (_rule("x", column="kind", severity="fatal"), "its severity is none of critical, warning, info"),
    (_rule("x", column="kind") | {"description": ""}, "it has no description"),
    (_rule("x", column="kind") | {"descripton": "typo"}, "descripton is no part of an expectation"),
    (_rule("x", column="kind") | {"meta": {}}, "it has no id"),
    (_rule("x", column="kind", meta={"rule": "visits.x"}), "its id is not punches. and a name"),
    (_rule("x", column="kind", meta={"rule": "punches.X y"}), "its id is not punches. and a name"),
    (_rule("bad_share", column="kind"), "this id is taken"),
    (_rule("x", column="kind", meta={"reason": ""}), "it has no meta.reason"),
    (_rule("x", column="kind", meta={"hold": True}), "meta.hold is unknown"),
    (_rule("x", column="kind", meta={"held": "yes"}), "meta.held is not true or false"),
    (_rule("x", column="kind", meta={"held": True}), "only a critical rule about rows can hold them"),
    (
        _rule("x", "expect_compound_columns_to_be_unique", severity="critical", column_list=["record_id", "kind"]),
        "Great Expectations cannot name the rows that break it",
    ),
    (_rule("x", BETWEEN, severity="critical", column="accuracy_m", min_value=0), "it passes where accuracy_m is null"),
    (
        _rule("x", "unexpected_rows_expectation", unexpected_rows_query="select * from {batch} where kind = 'x'"),
        "it would bring whole rows out of the warehouse",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "says"), CASES, ids=[says[:40] for _, says in CASES])
def test_a_mistake_has_its_words(tmp_path: Path, rule: Document, says: str) -> None:
    problems = _problems(tmp_path, rule)
    assert any(says in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d | {"name": "punch"}, "its name is not punches"),
        (lambda d: d | {"expectations": [*d["expectations"], _rule("good"), _rule("good")]}, "two rules are called"),
        (lambda d: d | {"expectations": [7, *d["expectations"]]}, "an expectation is no object"),
        (lambda d: d | {"expectations": [_rule("good", column="kind")]}, "passes on an empty table"),
    ],
)
def test_a_mistake_of_the_suite_has_its_words(
    tmp_path: Path, change: Callable[[Document], Document], says: str
) -> None:
    path = tmp_path / "punches.json"
    document = json.loads((ROOT / "expectations" / "punches.json").read_text(encoding="utf-8"))
    path.write_text(json.dumps(change(document)), encoding="utf-8")
    assert any(says in finding.problem for finding in lint.lint_file(path))


def test_a_folder_that_is_not_there_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no folder"):
        lint.lint(tmp_path / "nowhere")
    assert [f.file for f in lint.lint(tmp_path)] == [f"{name}.json" for name in DATASETS]
