"""The commands of the quarantine, as a person types them: what they say, change, refuse, and never show."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from tests.steps.rows import at, rows_of, set_aside
from typer.testing import CliRunner, Result

from fieldwork.cli import app
from fieldwork.errors import ConfigError
from fieldwork.settings import Settings

FORMULA = "=HYPERLINK(1)"
SECRET = "上海市静安区某路1号"


class Terminal:
    """Commands typed against one warehouse."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def __call__(self, line: str, *more: str) -> str:
        """Output of a command that succeeds."""
        result = self.result(line, *more)
        assert result.exit_code == 0, result.output + repr(result.exception)
        return result.stdout

    def result(self, line: str, *more: str) -> Result:
        return CliRunner().invoke(app, ["quarantine", *line.split(), *more])

    def refused(self, line: str, *more: str) -> str:
        """The message of a command that is refused."""
        error = self.result(line, *more).exception
        assert isinstance(error, ConfigError), error
        return str(error)

    def statuses(self) -> dict[str, str]:
        with self.engine.connect() as connection:
            return dict(connection.execute(sa.text("select key, status from ops.quarantine")).tuples().all())

    def number(self, key: str) -> str:
        with self.engine.connect() as connection:
            query = sa.text("select quarantine_id from ops.quarantine where key = :key")
            return str(connection.execute(query, {"key": key}).scalar_one())


@pytest.fixture
def terminal(warehouse: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Four bad punches of one known person, one of them with a formula for an id."""
    monkeypatch.setenv("FIELDWORK_HOME", str(settings.home))
    monkeypatch.setenv("FIELDWORK_WAREHOUSE_URL", str(settings.warehouse_url))
    monkeypatch.setenv("FIELDWORK_NOW", "2026-11-08T02:30:00+08:00")
    monkeypatch.setenv("LOGNAME", "ann")
    with warehouse.begin() as connection:
        connection.execute(
            sa.text("insert into ref.identity values ('dingtalk', 'u1', '2020-01-01', null, '001', 'file', now())")
        )
    bad = {"user_id": "u1", "punched_at": at("2026-11-02 09:00"), "kind": "sideways", "place": SECRET}
    rows = [bad | {"record_id": key} for key in ("1", "2", "3", FORMULA)]
    set_aside(warehouse, settings, "bad", "dingtalk", "kind_known", punches=rows)
    return Terminal(warehouse)


def test_looking_shows_why_and_no_values_until_asked(terminal: Terminal) -> None:
    listed = terminal("list")
    assert "kind_known" in listed and FORMULA in listed and SECRET not in listed
    table = list(csv.DictReader(io.StringIO(terminal("list --csv --status all"))))
    assert {row["key"] for row in table} == {"1", "2", "3", f"'{FORMULA}"}
    lines = [json.loads(line) for line in terminal("list --json --rule punches.kind_known").splitlines()]
    assert [(line["status"], line["seen"], "row" in line) for line in lines] == [("new", 1, False)] * 4
    assert terminal("list --older-than 1d").strip() == "Nothing waits."
    assert "punches.kind_known" in terminal("ageing") and json.loads(terminal("ageing --json"))["rows"] == 4

    number = terminal.number("1")
    assert SECRET not in terminal(f"show {number}")
    looks = "select who like '%, ann', action, purpose, rows, detail from ops.audit_log"
    assert rows_of(terminal.engine, looks) == []
    assert SECRET in terminal(f"show {number} --values --purpose", "a complaint")
    assert SECRET in terminal("list --values --json --limit 1")
    assert rows_of(terminal.engine, looks)[0] == (
        True, "read quarantined rows", "a complaint", 1, {"quarantine_ids": [int(number)]},
    )  # fmt: skip
    assert "Say --json or --csv" in terminal.refused("list --values")
    assert "--stream NAME" in terminal.refused("list --values --csv")


def test_mending_by_hand_by_rule_and_by_file(terminal: Terminal, tmp_path: Path) -> None:
    one = terminal.number("1")
    assert "1 of 1 rows are mended" in terminal(f"edit {one} kind=in --reason", "typo")
    assert terminal.statuses()["1"] == "mended"
    assert "3 rows would be mended" in terminal.refused("edit kind=out --status new")
    assert "3 of 3 rows are mended" in terminal("edit kind=out --status new --yes")

    file = tmp_path / "rows.csv"
    file.write_text(terminal("list --values --csv --stream punches --limit 0").replace('"out"', '"field"'))
    assert "3 of 4 rows are mended" in terminal("edit --yes --file", str(file))
    assert {row[0] for row in rows_of(terminal.engine, "select mended ->> 'record_id' from ops.quarantine")} == {
        "1", "2", "3", FORMULA,
    }  # fmt: skip
    file.write_text("\n".join(json.dumps({"quarantine_id": one, "kind": k}) for k in ("in", "out")))
    terminal("edit --yes --file", str(file))
    assert "mended → mended" in terminal(f"show {one}")

    file.write_text('quarantine_id,kind\n"x",in\n')
    assert "rows.csv, line 2: there is no quarantine_id" in terminal.refused("edit --yes --file", str(file))
    file.write_text("quarantine_id,kind\n1\n")
    assert "Line 2 has other cells than the header" in terminal.refused("edit --yes --file", str(file))
    file.write_text('{"quarantine_id": 1, "kind"')
    assert "Line 1 is no JSON object" in terminal.refused("edit --yes --file", str(file))
    assert "cannot be read" in terminal.refused("edit --yes --file", str(tmp_path / "none"))
    assert "Which rows, and which cells?" in terminal.refused("edit kind=in")
    assert "neither a row's number" in terminal.refused("edit 1 kind")
    assert "Give either --file or rows" in terminal.refused("edit 1 kind=in --file", str(file))


def test_dismissing_needs_a_reason_and_can_be_taken_back(terminal: Terminal) -> None:
    assert "A dismissal needs a reason" in terminal.refused(f"dismiss {terminal.number('1')}")
    assert "Which rows to dismiss?" in terminal.refused("dismiss --reason x")
    assert "1 rows are dismissed" in terminal(f"dismiss {terminal.number('1')} --reason", "test punch")
    assert "3 rows would be dismissed" in terminal.refused("dismiss --all --reason x")
    terminal("dismiss --all --yes --reason x")
    assert set(terminal.statuses().values()) == {"dismissed"}
    assert "4 rows are open again" in terminal("dismiss --undo --all --yes")
    assert "test punch" in terminal(f"show {terminal.number('1')}")
    assert "no quarantined row 99" in terminal.refused("dismiss 99 --reason x")


def test_replaying_rehearses_then_publishes(terminal: Terminal) -> None:
    assert "No row is to be replayed" in terminal("replay --yes")
    terminal(f"edit {terminal.number('1')} kind=in")
    assert "1 rows would be sent through again" in terminal.refused("replay")
    told = " ".join(terminal("replay --all --dry-run").split())
    assert "Rehearsed: 1 rows would go through and touch 1 person-days; still bad: 3 by punches.kind_known" in told
    assert set(terminal.statuses().values()) == {"new", "mended"}
    told = " ".join(terminal("replay --yes").split())
    assert "1 rows went through, 1 person-days touched. Still bad: none." in told
    assert terminal.statuses()["1"] == "replayed"
    kinds = "select kind, state, dry_run from ops.run where kind = 'replay' order by started_at"
    assert rows_of(terminal.engine, kinds) == [("replay", "done", True), ("replay", "done", False)]
    steps = "select distinct step from ops.step where run_id like 'replay-%'"
    assert {row[0] for row in rows_of(terminal.engine, steps)} == {
        "choose", "replay", "build", "audit", "publish", "finish",
    }  # fmt: skip
