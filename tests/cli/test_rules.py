"""`fieldwork rules`, `rebuild` and `explain` on a terminal that is none: what they say, and what they change."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.conftest import fresh_database
from tests.rules.world import World

from fieldwork import settings as settings_module
from fieldwork.cli import app
from fieldwork.errors import ConfigError
from fieldwork.settings import ROOT
from fieldwork.warehouse import server
from fieldwork.warehouse.engine import connect
from fieldwork.warehouse.schema import mart, ops

Fieldwork = Callable[..., str]


@pytest.fixture(scope="module")
def template(pg_server: server.Server) -> Iterator[str]:
    """A database in which E1 is twenty minutes over on five days, and one visit is 400 m off."""
    with fresh_database(pg_server) as url:
        here = _world(url)
        here.covered(None, datetime(2026, 12, 1, tzinfo=UTC))
        here.employee("E1")
        here.account("a1")
        for day in range(2, 7):
            here.punch("E1", f"2026-11-0{day}", "in 09:00")
            here.punch("E1", f"2026-11-0{day}", "out 18:20")
        here.check_in("E1", "2026-11-04", "10:30", 400)
        here.visit("E1", "v1", "2026-11-04", "10:00 - 11:00", "a1")
        here.run("2026-11-02", "2026-11-07")
        here.engine.dispose()
        yield str(sa.make_url(url).database)


@pytest.fixture
def world(pg_server: server.Server, template: str) -> Iterator[World]:
    """E1, and nobody else."""
    with fresh_database(pg_server, template) as url:
        here = _world(url)
        yield here
        here.engine.dispose()


def _world(url: str) -> World:
    settings = settings_module.load({"FIELDWORK_HOME": "/nowhere", "FIELDWORK_WAREHOUSE_URL": url})
    return World(connect(sa.make_url(url).set(drivername="postgresql+psycopg")), settings)


@pytest.fixture
def fieldwork(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Fieldwork:
    """Run a command in this process; what it printed."""
    monkeypatch.setenv("FIELDWORK_HOME", "/nowhere")
    monkeypatch.setenv(
        "FIELDWORK_WAREHOUSE_URL", world.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    )
    monkeypatch.setenv("FIELDWORK_NOW", "2026-11-20T02:30:00+08:00")
    monkeypatch.delenv("FIELDWORK_CONFIG", raising=False)

    def run(*arguments: str) -> str:
        capsys.readouterr()
        app(list(arguments), standalone_mode=False)
        return capsys.readouterr().out

    return run


@pytest.fixture(scope="module")
def proposal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped rules, and another radius and tolerance from Wednesday on."""
    shipped = (ROOT / "include" / "config" / "fieldwork.toml").read_text(encoding="utf-8")
    rules = shipped[shipped.index("[[rules]]") : shipped.index("[[shift]]")]
    later = rules.replace('"2000-1"', '"2026-2"').replace("2000-01-01", "2026-11-04")
    later = later.replace("default_radius_m = 300", "default_radius_m = 500").replace("minutes = 30", "minutes = 20")
    path = tmp_path_factory.mktemp("proposal") / "new.toml"
    path.write_text(rules + later, encoding="utf-8")
    return path


def test_a_rule_from_the_proposal_to_the_published_days(
    world: World, fieldwork: Fieldwork, proposal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "2000-1" in fieldwork("rules", "list")
    changes = tmp_path / "changes.csv"
    before = world.rows(mart.attendance_day)
    told = fieldwork("rules", "plan", "--config", str(proposal), "--csv", str(changes))
    for said in (
        "default_radius_m 300.0 → 500.0", "From 2026-11-04 on: 3 published person-days", "1 people would change",
        "out_of_range → verified", "overtime_minutes",
    ):  # fmt: skip
        assert said in told
    with changes.open(encoding="utf-8", newline="") as file:
        lines = [
            (r["dataset"], r["work_date"], r["old"], r["new"])
            for r in csv.DictReader(file)
            if "overtime" in r["column_name"]
        ]
    assert sorted(lines) == sorted(
        (dataset, f"2026-11-0{n}", "0", "20") for dataset in ("attendance_day", "performance_day") for n in (4, 5, 6)
    )
    assert world.rows(mart.attendance_day) == before

    assert "not applied" in fieldwork("rules", "list", "--config", str(proposal)).lower()
    monkeypatch.setenv("FIELDWORK_CONFIG", str(proposal))
    with pytest.raises(ConfigError, match="Nobody is there to say yes"):
        fieldwork("rules", "apply")
    assert world.rows(mart.attendance_day) == before
    told = fieldwork("rules", "apply", "--yes")
    assert "3 person-days were computed again." in told
    assert "goes to the CRM with the next run" in told
    assert [r["overtime_minutes"] for r in world.rows(mart.attendance_day)] == [0, 0, 20, 20, 20]
    assert "says what holds already" in fieldwork("rules", "plan")
    assert "2026-11-04" in fieldwork("rules", "list")
    monkeypatch.delenv("FIELDWORK_CONFIG")
    with pytest.raises(ConfigError, match="'2026-2' were changed"):
        fieldwork("rules", "plan")


def test_a_file_that_is_no_configuration(fieldwork: Fieldwork, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no config file"):
        fieldwork("rules", "plan", "--config", str(tmp_path / "none.toml"))


def test_a_rebuild_is_rehearsed_and_done(world: World, fieldwork: Fieldwork) -> None:
    span = ("--since", "2026-11-01", "--until", "2026-12-01")
    told = fieldwork("rebuild", *span, "--dry-run")
    assert "5 person-days were computed; nothing was published." in told
    assert "Nothing differs" in told
    world.change(mart.attendance_day, {"worked_minutes": 1}, employee_id="E1")
    told = fieldwork("rebuild", *span, "--dry-run", "--limit", "2")
    assert told.count("worked_minutes") == 3, "the column, and two of its five lines"
    assert {r["worked_minutes"] for r in world.rows(mart.attendance_day)} == {1}
    runs = len(world.rows(ops.run))
    assert "5 person-days were computed again." in fieldwork("rebuild", *span)
    assert {r["worked_minutes"] for r in world.rows(mart.attendance_day)} == {500}
    assert len(world.rows(ops.run)) == runs + 1


def test_a_cell_is_explained_in_words_and_as_json(world: World, fieldwork: Fieldwork) -> None:
    told = fieldwork("explain", "performance", "E1", "2026-11-03", "late_minutes")
    for said in (
        "late_minutes = 0",
        "more than the grace of 5",
        "shift_start 2026-11-03 09:00:00",
        "Source rows",
        "p0003",
    ):
        assert said in told
    found = json.loads(fieldwork("explain", "visit", "v1", "distance_m", "--json"))
    assert [(c["name"], c["value"], c["again"], c["holds"]) for c in found["columns"]] == [
        ("distance_m", "400", "400", True)
    ]
    assert [c["minutes_off"] for c in found["candidates"]] == [0]
    assert "latitude" not in json.dumps(found)
    world.change(mart.visit_check, {"distance_m": 1.0}, visit_id="v1")
    assert "Facts changed since: distance_m" in fieldwork("explain", "visit", "v1")


def test_a_punch_that_proves_nothing_is_explained_with_the_visit_that_it_is_nearest_to(
    world: World, fieldwork: Fieldwork
) -> None:
    (free,) = world.rows(mart.unmatched_check_in)
    found = json.loads(fieldwork("explain", "punch", free["record_id"], "--json"))
    values = {c["name"]: c["value"] for c in found["columns"]}
    assert (values["reason_code"], values["visit_id"], values["distance_m"]) == ("too_far", "v1", "400")
    assert all(c["holds"] for c in found["columns"])
    assert [(s["kind"], s["record_id"]) for s in found["sources"]] == [
        ("account", "a1"), ("punch", free["record_id"]), ("visit", "v1"),
    ]  # fmt: skip
    told = fieldwork("explain", "punch", free["record_id"], "reason")
    assert f"Punch {free['record_id']} of E1, 2026-11-04" in told
    with pytest.raises(ConfigError, match="it counts in its working day"):
        fieldwork("explain", "punch", "p0001")


def test_a_proposed_roster_file_is_planned(fieldwork: Fieldwork, tmp_path: Path) -> None:
    file = tmp_path / "roster.csv"
    file.write_text("employee_id,work_date,shift\nE1,2026-11-03,rest\nE1,2026-12-24,rest\n", encoding="utf-8")
    told = fieldwork("rules", "plan", "--roster", str(file))
    for said in (
        "2 dates of 1 people, from 2026-11-03 to 2026-12-24", "From 2026-11-03 on: 1 published person-days",
        "present → rest",
    ):  # fmt: skip
        assert said in told
    assert "2 dates of 1 people" in fieldwork("rules", "list", "--roster", str(file))
    assert "2 dates" not in fieldwork("rules", "list")
