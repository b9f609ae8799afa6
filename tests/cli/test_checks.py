"""`fieldwork checks` and the way on: a batch is stopped, a person looks, tries a rule, accepts, and it goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import Engine
from tests.quality.examples import GOOD
from tests.steps.rows import RowSource, at, loaded, planned, rows_of
from typer.testing import CliRunner

from fieldwork.cli import app
from fieldwork.errors import ConfigError, TooManyBadRows
from fieldwork.quality.suites import DATASETS
from fieldwork.settings import ROOT, Settings
from fieldwork.steps.check import check
from fieldwork.steps.extract import extract
from fieldwork.steps.load import load

Fieldwork = Callable[..., Result]


@pytest.fixture
def fieldwork(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Fieldwork:
    """Give a command; an error that a person would see is raised."""
    monkeypatch.setenv("FIELDWORK_HOME", str(settings.home))
    monkeypatch.setenv("FIELDWORK_WAREHOUSE_URL", settings.warehouse_url or "")
    monkeypatch.setenv("COLUMNS", "300")

    def give(*words: str, code: int = 0) -> Result:
        done = CliRunner().invoke(app, list(words))
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == code, done.output
        return done

    return give


def _punches(bad: int, good: int) -> list[dict[str, Any]]:
    return [
        {
            "record_id": f"r{n}", "user_id": "u1", "punched_at": at("2026-11-02 09:00"), "place": "Canary Road",
            "kind": "sideways" if n < bad else "in", "latitude": 31.0, "longitude": 121.0,
        }
        for n in range(bad + good)
    ]  # fmt: skip


def test_a_person_looks_at_a_stopped_batch_and_lets_it_go_on(
    warehouse: Engine, settings: Settings, fieldwork: Fieldwork
) -> None:
    loaded(warehouse, settings, "people", "dingtalk", employees=[{"user_id": "u1", "employee_no": "001"}])
    planned(warehouse, settings, "run")
    extract(warehouse, settings, RowSource("dingtalk", punches=[_punches(101, 9)]), run_id="run", stream="punches")
    with pytest.raises(
        TooManyBadRows, match=r"At least 101 of 110 rows \(91.8%\) are bad \(punches.bad_share\)"
    ) as stop:
        fieldwork("step", "check", "--run-id", "run")
    (number,) = rows_of(warehouse, "select max(batch_id) from ops.batch")[0]
    assert f"fieldwork checks show --batch {number} --rule punches.bad_share" in stop.value.todo
    assert "fieldwork step check --run-id run --accept punches.bad_share --why" in stop.value.todo
    assert rows_of(warehouse, f"select count(*) from staging.b{number}") == [(110,)], "the staged rows are kept"
    assert rows_of(warehouse, "select count(*) from ops.quarantine") == [(0,)]

    batch = ("--batch", str(number))
    said = fieldwork("checks", "show", *batch, "--rule", "punches.bad_share").output
    assert "punches.kind_known" in said
    said = fieldwork("checks", "show", *batch, "--rule", "punches.kind_known", "--limit", "2").output
    assert "101 of 110 rows" in said
    assert "The kind is none of the known ones" in said
    assert "There are 99 more" in said
    assert "Canary" not in said
    with pytest.raises(ConfigError, match="personal data"):
        fieldwork("checks", "show", *batch, "--rule", "punches.kind_known", "--values")
    assert rows_of(warehouse, "select count(*) from ops.audit_log") == [(0,)]
    said = fieldwork("checks", "show", *batch, "--rule", "punches.kind_known", "--values", "--why", "ticket 7").output
    assert said.count("Canary Road") == 20
    log = "select action, purpose, rows, detail from ops.audit_log"
    assert rows_of(warehouse, log) == [
        ("read values of rows that break a rule", "ticket 7", 20,
         {"rule": "punches.kind_known", "batch_id": number}),
    ]  # fmt: skip

    said = fieldwork("checks", "run", "punches", *batch, code=1).output
    assert f"110 rows, the staged rows of batch {number} (extracted)" in said
    with pytest.raises(ConfigError, match="only with a reason"):
        fieldwork("step", "check", "--run-id", "run", "--accept", "punches.bad_share")
    with pytest.raises(ConfigError, match="is about single rows"):
        fieldwork("step", "check", "--run-id", "run", "--accept", "punches.kind_known", "--why", "x")
    with pytest.raises(ConfigError, match=r"no rule punches\.nothing"):
        fieldwork("step", "check", "--run-id", "run", "--accept", "punches.nothing", "--why", "x")
    fieldwork("step", "check", "--run-id", "run", "--accept", "punches.bad_share", "--why", "it is a rehearsal")
    assert rows_of(warehouse, "select count(*), min(rule) from ops.quarantine") == [(101, "punches.kind_known")]
    accepted = rows_of(warehouse, "select accepted_by from ops.check_result where accepted_by is not null")
    assert len(accepted) == 1
    assert accepted[0][0].endswith("(command line): it is a rehearsal")

    said = fieldwork("checks", "show", *batch, "--rule", "punches.kind_known").output
    assert "101 rows in quarantine" in said
    said = fieldwork("checks", "results", "--failed").output
    assert "punches.bad_share" in said
    assert "it is a rehearsal" in said
    lines = fieldwork("checks", "results", "--run", "run", "--json").output.splitlines()
    told = {line["rule"]: line for line in map(json.loads, lines)}
    assert told["punches.kind_known"]["failing"] == 101
    assert told["punches.kind_known"]["keys"][:2] == ["r0", "r1"]
    assert len(told["punches.kind_known"]["keys"]) == 20
    assert told["punches.key_given"]["outcome"] == "passed"

    load(warehouse, settings, run_id="run")
    said = fieldwork("checks", "run", "punches", *batch).output
    assert f"9 rows, what core holds of batch {number} (closed: its staged rows are gone)" in said


def test_a_rule_of_ones_own_is_tried_without_moving_anything(
    warehouse: Engine, settings: Settings, fieldwork: Fieldwork, tmp_path: Path
) -> None:
    planned(warehouse, settings, "run")
    source = RowSource("salesforce", visits=[[GOOD["visits"], GOOD["visits"] | {"visit_id": "w", "account_id": "b"}]])
    extract(warehouse, settings, source, run_id="run", stream="visits")
    suite = json.loads((ROOT / "expectations" / "visits.json").read_text(encoding="utf-8"))
    suite["expectations"] += [
        {
            "type": "expect_column_values_to_be_in_set", "kwargs": {"column": "account_id", "value_set": ["a"]},
            "severity": "warning", "description": "Only a", "meta": {"rule": "visits.only_a", "reason": "Not a"},
        },
        {
            "type": "expect_column_values_to_be_between", "kwargs": {"column": "planned_hours", "max_value": 0.5},
            "severity": "warning", "description": "Short", "meta": {"rule": "visits.short", "reason": "Long"},
        },
    ]  # fmt: skip
    mine = tmp_path / "mine.json"
    mine.write_text(json.dumps(suite), encoding="utf-8")
    said = fieldwork("checks", "run", "visits", "--batch", "1", "--suite", str(mine), code=1).output
    rows = {line.split()[0]: line.split()[1:] for line in said.splitlines() if line.strip().startswith("visits.")}
    assert rows["visits.only_a"][:5] == ["warning", "failed", "1", "2", "w"]
    assert rows["visits.short"][:4] == ["warning", "failed", "2", "2"]
    assert rows["visits.owner_known"][:4] == ["critical", "failed", "2", "2"]
    for table in ("ops.check_result", "ops.quarantine", "ops.audit_log"):
        assert rows_of(warehouse, f"select count(*) from {table}") == [(0,)]
    assert rows_of(warehouse, "select state from ops.batch") == [("extracted",)]
    assert rows_of(warehouse, "select viewname from pg_views where schemaname = 'staging'") == []
    assert check(warehouse, settings, run_id="run")["visits"]["quarantined"] == 2


def test_wrong_use_is_told(warehouse: Engine, settings: Settings, fieldwork: Fieldwork, tmp_path: Path) -> None:
    loaded(warehouse, settings, "people", "dingtalk", employees=[{"user_id": "u1", "employee_no": "001"}])
    for words, says in (
        (("run", "punch"), "no dataset 'punch'"),
        (("run", "punches"), "punches needs a batch"),
        (("run", "punches", "--batch", "1"), "Batch 1 is of employees"),
        (("run", "punches", "--batch", "77"), "no batch 77"),
        (("show", "--rule", "punches.kind_known"), "a rule and a batch"),
        (("show", "--rule", "employees.nothing", "--batch", "1"), "no rule employees.nothing"),
        (("show", "--rule", "days.usual", "--run", "nobody"), "no run nobody"),
        (("list", "punch"), "no dataset 'punch'"),
        (("lint", "--expectations", str(tmp_path / "nowhere")), "no folder"),
    ):
        with pytest.raises(ConfigError, match=says):
            fieldwork("checks", *words)


def test_joined_rows_are_tried_as_published(warehouse: Engine, settings: Settings, fieldwork: Fieldwork) -> None:
    assert "0 rows, the rows of mart.visit_check" in fieldwork("checks", "run", "visit_check").output


def test_lint_lists_every_problem_and_fails(fieldwork: Fieldwork, tmp_path: Path) -> None:
    assert "nothing is wrong" in fieldwork("checks", "lint").output
    (tmp_path / "leave.json").write_text('{"name": "leaves", "expectations": []}', encoding="utf-8")
    said = fieldwork("checks", "lint", "--expectations", str(tmp_path), code=1).output
    assert "its name is not leave" in said
    assert said.count("there is no such file") == len(DATASETS) - 1


def test_the_rules_are_listed(fieldwork: Fieldwork) -> None:
    said = fieldwork("checks", "list", "visits").output
    assert "critical, held" in said
    lines = [json.loads(line) for line in fieldwork("checks", "list", "--json").output.splitlines()]
    assert len(lines) > 200
    assert {"rule", "severity", "held", "expects"} == lines[0].keys()


def test_what_a_source_wrote_gives_no_orders_to_the_terminal() -> None:
    from fieldwork.cli.summary import shown

    assert shown("a\x1b[31mb\n[red]李雷[/]") == "a\\x1b[31mb\\n\\[red]李雷\\[/]"
