"""The runner: counts and row numbers come back, values never, and a rule that could not run is told apart."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from fieldwork.errors import CheckCouldNotRun, ConfigError, SuiteUnfit
from fieldwork.quality import runner, suites
from fieldwork.quality.outcome import NAMED as NAMED_ROWS
from fieldwork.quality.runner import RuleOutcome
from fieldwork.settings import ROOT

ROWS = 3000
SECRET = "Ms Canary 19900000001"


@pytest.fixture
def table(warehouse: sa.Engine) -> sa.Engine:
    """3,000 rows: every third kind is wrong, every name is personal, row 7 has no name."""
    with warehouse.begin() as connection:
        connection.execute(
            sa.text(
                "create table staging.b1 as select seq, case when seq % 3 = 0 then :secret else 'in' end as kind,"
                " case when seq <> 7 then :secret end as name from generate_series(1, :rows) as seq"
            ),
            {"secret": SECRET, "rows": ROWS},
        )
    return warehouse


def _rule(name: str, kind: str, severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs, "severity": severity, "meta": {"rule": name}}


KIND = _rule("kind", "expect_column_values_to_be_in_set", column="kind", value_set=["in"])
NAMED = _rule("named", "expect_column_values_to_not_be_null", "warning", column="name")
COUNT = _rule("count", "expect_table_row_count_to_be_between", min_value={"$PARAMETER": "least"})
NO_COLUMN = _rule("no_column", "expect_column_values_to_not_be_null", column="gone")
NO_SENSE = _rule("no_sense", "expect_column_values_to_be_between", column="name", min_value=3)


def _suite(tmp_path: Path, *rules: dict[str, Any]) -> suites.Suite:
    (tmp_path / "s.json").write_text(json.dumps({"name": "s", "expectations": rules}), encoding="utf-8")
    return suites.read(tmp_path, "s")


def _run(engine: sa.Engine, tmp_path: Path, *rules: dict[str, Any], url: sa.URL | None = None) -> list[RuleOutcome]:
    suite = _suite(tmp_path, *rules)
    return runner.run(url or engine.url, suite, table="b1", rows=ROWS, parameters={"least": 1}, key="seq")


def test_critical_rules_bring_every_row_number_and_warnings_only_counts(table: sa.Engine, tmp_path: Path) -> None:
    kind, named, count = _run(table, tmp_path, KIND, NAMED, COUNT)
    assert (kind.outcome, kind.failing, kind.total) == ("failed", 1000, ROWS)
    assert sorted(kind.keys) == list(range(3, ROWS + 1, 3))  # far more than GX's own limits of 20 and 200
    assert named == RuleOutcome("named", "warning", "failed", failing=1, total=ROWS)
    assert count == RuleOutcome("count", "critical", "passed", total=ROWS)


def test_a_rule_that_tolerates_some_failures_moves_no_row(table: sa.Engine, tmp_path: Path) -> None:
    (outcome,) = _run(table, tmp_path, KIND | {"kwargs": KIND["kwargs"] | {"mostly": 0.5}})
    assert outcome == RuleOutcome("kind", "critical", "passed", failing=1000, total=ROWS)


def test_a_rule_that_could_not_run_is_not_bad_data(table: sa.Engine, tmp_path: Path) -> None:
    kind, no_column, no_sense = _run(table, tmp_path, KIND, NO_COLUMN, NO_SENSE)
    assert kind.outcome == "failed"
    assert [(o.outcome, o.failing, o.keys) for o in (no_column, no_sense)] == [("could_not_run", None, ())] * 2
    with pytest.raises(SuiteUnfit, match=r"2 of 3 rules for s could not run: no_column \(.+\), no_sense \(.+\)"):
        runner.require_run([kind, no_column, no_sense], "s")
    runner.require_run([kind], "s")


def test_no_value_leaves_the_database(
    table: sa.Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    outcomes = _run(table, tmp_path, KIND, NAMED, NO_COLUMN, NO_SENSE)
    with pytest.raises(SuiteUnfit) as stopped:
        runner.require_run(outcomes, "s")
    shown = "".join([repr(outcomes), str(stopped.value), caplog.text, *capfd.readouterr()])
    assert "Canary" not in shown
    assert table.url.password not in shown
    assert "it/s" not in shown  # a progress bar
    assert {r.levelname for r in caplog.records if r.name.startswith("great_expectations")} <= {"INFO"}


def test_a_dollar_sign_in_the_password_is_not_a_variable(table: sa.Engine, tmp_path: Path, dollar: sa.URL) -> None:
    """GX puts environment variables in place of $NAME in a URL; SQLAlchemy's quoting hides it from that."""
    (outcome,) = _run(table, tmp_path, COUNT, url=dollar)
    assert outcome.outcome == "passed"


@pytest.fixture
def dollar(table: sa.Engine) -> Iterator[sa.URL]:
    name, password = f"dollar_{os.getpid()}", "a$HOME${HOME}%$"
    with table.begin() as connection:
        connection.exec_driver_sql(f"create role {name} login password '{password.replace('%', '%%')}'")
        connection.exec_driver_sql(f"grant usage on schema staging to {name}")
        connection.exec_driver_sql(f"grant select on staging.b1 to {name}")
    yield table.url.set(username=name, password=password)
    with table.begin() as connection:
        connection.exec_driver_sql(f"drop owned by {name}")
        connection.exec_driver_sql(f"drop role {name}")


@pytest.mark.parametrize("change", [{"password": "wrong-Canary"}, {"port": 1}, {"database": "nowhere"}])
def test_a_server_that_does_not_answer_is_could_not_run(
    table: sa.Engine, tmp_path: Path, change: dict[str, Any]
) -> None:
    with pytest.raises(CheckCouldNotRun, match=r"stopped while it checked s") as stopped:
        _run(table, tmp_path, KIND, url=table.url.set(**change))
    assert "Canary" not in str(stopped.value)


def test_a_table_that_is_gone_is_could_not_run(warehouse: sa.Engine, tmp_path: Path) -> None:
    with pytest.raises(CheckCouldNotRun):
        _run(warehouse, tmp_path, KIND)


@pytest.mark.parametrize(
    "rule",
    [
        _rule("odd", "expect_the_unexpected", column="kind"),
        _rule("odd", "expect_column_values_to_be_in_set", column="kind", value_set=["in"], mostly=7),
        _rule("odd", "expect_column_values_to_not_be_null", colum="kind"),
    ],
)
def test_an_expectation_that_gx_does_not_understand_is_a_config_error(
    table: sa.Engine, tmp_path: Path, rule: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError, match=r"does not understand odd in expectations/s\.json"):
        _run(table, tmp_path, KIND, rule)


def test_a_critical_rule_for_which_gx_knows_no_rows_is_a_config_error(table: sa.Engine, tmp_path: Path) -> None:
    twice = _rule("once", "expect_compound_columns_to_be_unique", column_list=["kind", "name"])
    with pytest.raises(ConfigError, match="once is critical, but GX cannot say which rows"):
        _run(table, tmp_path, twice)
    (outcome,) = _run(table, tmp_path, twice | {"severity": "warning"})
    assert outcome.outcome == "failed"


def test_rows_beyond_what_is_wanted_bring_no_keys_and_are_counted_and_named(table: sa.Engine, tmp_path: Path) -> None:
    suite = _suite(tmp_path, KIND, NAMED | {"severity": "critical"})
    told = {"table": "b1", "rows": ROWS, "parameters": {}, "key": "seq", "named_by": ["seq", "kind"]}
    kind, named = runner.run(table.url, suite, **told, most={"kind": 999, "named": 999}, named=3)
    assert (kind.failing, kind.keys, len(kind.named)) == (1000, (), 3)
    assert all(seq % 3 == 0 for seq, _ in kind.named)
    assert (named.failing, named.keys, named.named) == (1, [7], ())
    kind, _ = runner.run(table.url, suite, **told, most={"kind": 1000})
    assert len(kind.keys) == 1000


def test_a_warning_names_a_few_rows_and_what_is_only_to_be_known_none(table: sa.Engine, tmp_path: Path) -> None:
    suite = _suite(tmp_path, KIND | {"severity": "warning"}, NAMED | {"severity": "info"})
    told = {"table": "b1", "rows": ROWS, "parameters": {}, "named_by": ["seq"]}
    kind, named = runner.run(table.url, suite, **told, key="seq")
    assert (len(kind.named), named.named) == (NAMED_ROWS, ())
    kind, named = runner.run(table.url, suite, **told, key=None)
    assert (len(kind.named), named.named) == (NAMED_ROWS, [(7,)])


def test_the_rule_at_fault_is_named_alone_though_gx_asks_several_at_once(table: sa.Engine, tmp_path: Path) -> None:
    odd = _rule("odd", "expect_column_values_to_match_regex", column="seq", regex="a")
    pattern = _rule("pattern", "expect_column_values_to_match_regex", column="kind", regex="(")
    outcomes = _run(table, tmp_path, KIND, odd, NAMED, pattern, COUNT)
    assert [(o.rule, o.problem, o.lasting) for o in outcomes if o.outcome == "could_not_run"] == [
        ("odd", "UndefinedFunction", True),
        ("pattern", "InvalidRegularExpression", True),
    ]
    assert [(o.rule, o.outcome, o.failing) for o in outcomes if o.outcome != "could_not_run"] == [
        ("kind", "failed", 1000), ("named", "failed", 1), ("count", "passed", None)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("problem", "lasting"),
    [
        ("UndefinedColumn", True), ("InvalidColumnTypeError", True), ("InvalidTextRepresentation", True),
        ("FeatureNotSupported", True), ("AdminShutdown", False), ("QueryCanceled", False), ("OutOfMemory", False),
        ("DeadlockDetected", False), ("ConnectionTimeout", False), ("TestConnectionError", False), ("an error", False),
    ],
)  # fmt: skip
def test_what_comes_again_is_told_from_what_passes(problem: str, lasting: bool) -> None:
    outcome = RuleOutcome.could_not_run(suites.read(ROOT / "expectations", "leave").rules[0], problem)
    assert outcome.lasting is lasting
    with pytest.raises(SuiteUnfit if lasting else CheckCouldNotRun, match=problem):
        runner.require_run([outcome], "leave")


def test_a_parameter_that_nobody_gives_is_a_suite_that_does_not_fit(table: sa.Engine, tmp_path: Path) -> None:
    lost = _rule("lost", "expect_column_values_to_be_between", column="seq", min_value={"$PARAMETER": "nobody"})
    with pytest.raises(SuiteUnfit, match="SuiteParameterError"):
        _run(table, tmp_path, lost)


def test_rows_are_named_of_rules_about_one_column_a_pair_and_several(table: sa.Engine, tmp_path: Path) -> None:
    rules = [
        _rule("once", "expect_column_values_to_be_unique", column="name"),
        _rule("more", "expect_column_pair_values_a_to_be_greater_than_b", column_A="kind", column_B="name"),
        _rule("apart", "expect_select_column_values_to_be_unique_within_record", column_list=["kind", "name"]),
    ]
    once, more, apart = _run(table, tmp_path, *rules)
    assert (len(once.keys), 7 in once.keys) == (ROWS - 1, False)
    assert sorted(more.keys) == sorted(apart.keys) == list(range(3, ROWS + 1, 3))


def test_importing_the_steps_loads_no_gx() -> None:
    program = (
        "import sys; import fieldwork.steps.check, fieldwork.steps.audit;"
        "print([m for m in ('great_expectations', 'airflow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
