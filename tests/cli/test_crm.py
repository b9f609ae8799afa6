"""`fieldwork crm` on the terminal: what needs no CRM, in this process; the rest in tests/e2e/test_crm.py."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy import Engine, make_url
from tests.writeback.crm import MemoryCrm, change_visit, run, visit
from typer.testing import CliRunner

from fieldwork.cli import app
from fieldwork.connectors.base import RowResult
from fieldwork.errors import ConfigError
from fieldwork.settings import load
from fieldwork.steps.write_back import write_back
from fieldwork.warehouse.engine import connect
from fieldwork.warehouse.server import Server


@pytest.fixture(scope="module")
def built(pg_server: Server) -> Iterator[tuple[Engine, str]]:
    """Three visits: one written, one refused, one that people edited; an engine and the URL."""
    name = f"cli{os.getpid()}"
    with psycopg.connect(pg_server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} template template_fieldwork")
        url = pg_server.url(name)
        engine = connect(make_url(url).set(drivername="postgresql+psycopg"))
        settings = load({"FIELDWORK_WAREHOUSE_URL": url})
        crm = MemoryCrm()
        for n in range(3):
            visit(engine, f"v{n}")
        refusal = RowResult("v1", ok=False, code="NO", message="[why] not")
        crm.answer = lambda kind, key: refusal if key == "v1" else None
        write_back(engine, settings, crm, run_id=run(engine))
        crm.edit("visit", "v2", checkin_reason="金丝雀", checkin_minutes_off=99)
        change_visit(engine, "v2", minutes_off=7)
        write_back(engine, settings, crm, run_id=run(engine, "r2"))
        yield engine, url
        engine.dispose()
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture
def world(built: tuple[Engine, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The commands of this process mean that warehouse."""
    engine, url = built
    monkeypatch.setenv("FIELDWORK_WAREHOUSE_URL", url)
    monkeypatch.setenv("FIELDWORK_HOME", str(tmp_path / "home"))
    return engine


def crm(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["crm", *arguments], terminal_width=200)
    assert done.exit_code == code, done.output
    return done.output


def test_every_command_teaches() -> None:
    for command in ("status", "diff", "send", "conflicts", "rejects", "batches", "undo"):
        assert command in crm("--help")
        assert "--json" in crm(command, "--help")


def test_tables_and_json_say_the_same(world: Engine) -> None:
    (told,) = [row for row in json.loads(crm("status", "--json")) if row["kind"] == "visit"]
    assert (told["rejected"], told["conflicts"], told["last_state"]) == (1, 2, "closed")
    (refused,) = json.loads(crm("rejects", "--json"))
    assert (refused["key"], refused["code"], refused["message"]) == ("v1", "NO", "[why] not")
    batches = json.loads(crm("batches", "--json"))
    assert [(row["batch"], row["records"], row["accepted"], row["rejected"]) for row in batches] == [
        (2, 1, 0, 0), (1, 3, 2, 1),
    ]  # fmt: skip
    for command, word in (("status", "salesforce"), ("rejects", "[why] not"), ("batches", "write_back")):
        assert word in crm(command)
    assert json.loads(crm("rejects", "--code", "OTHER", "--json")) == []


def test_what_people_typed_is_shown_only_when_asked_for_and_that_is_noted(world: Engine) -> None:
    assert "金丝雀" not in crm("conflicts") + crm("conflicts", "--json")
    assert "99" in crm("conflicts")
    assert "金丝雀" in crm("conflicts", "--values")
    with world.connect() as connection:
        notes = connection.execute(
            sa.text("select purpose, rows from ops.audit_log where action = 'read values of conflicts'")
        ).all()
    assert [tuple(note) for note in notes] == [("fieldwork crm conflicts --values", 2)]


def test_an_undo_is_rehearsed_and_asked_about(world: Engine) -> None:
    plan = json.loads(crm("undo", "1", "--dry-run", "--json"))
    assert (plan["put_back"], plan["delete"], plan["left"]) == (0, 2, 0)
    assert "deleted" in crm("undo", "1", "--dry-run")
    done = CliRunner().invoke(app, ["crm", "undo", "1"], input="n\n")
    assert done.exit_code == 1
    assert "Put this back in the CRM?" in done.output
    refused = CliRunner().invoke(app, ["crm", "undo", "1", "--lift"])
    assert isinstance(refused.exception, ConfigError)


def test_decisions_are_noted_and_unknown_ones_refused(world: Engine) -> None:
    first, second = sorted(one["id"] for one in json.loads(crm("conflicts", "--json")))
    assert "Decided: 1" in crm("conflicts", "--keep-theirs", str(first))
    assert "Decided: 1" in crm("conflicts", "--take-ours", str(second))
    assert json.loads(crm("conflicts", "--json")) == []
    done = CliRunner().invoke(app, ["crm", "conflicts", "--take-ours", "99"])
    assert isinstance(done.exception, ConfigError)
    with world.connect() as connection:
        states = connection.execute(sa.text("select state from ops.conflict order by conflict_id")).scalars().all()
        decided = connection.execute(
            sa.text("select count(*) from ops.audit_log where action = 'decided conflicts with the CRM'")
        )
        assert (states, decided.scalar_one()) == (["kept", "ours"], 2)
