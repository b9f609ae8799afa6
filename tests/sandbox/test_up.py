"""The sandbox as a process: started, replaced, ended, and what it leaves for others to find."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import requests
from typer.testing import CliRunner

from fieldwork.cli.sandbox import app
from fieldwork.errors import ConfigError
from fieldwork.sandbox import up as sandbox

CITY = {"people": 8, "days": 2, "faults": "none"}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    sandbox.down(tmp_path)


def performance(running: sandbox.Running) -> list[dict[str, object]]:
    url = f"{running.crm_url}/_sandbox/records"
    return list(requests.get(url, params={"object": "Daily_Performance__c"}, timeout=5).json())


def write_one(home: Path, running: sandbox.Running) -> None:
    login = json.loads((home / "sandbox" / "connections.json").read_text())["fieldwork_crm"]
    form = {"grant_type": "client_credentials", "client_id": login["login"], "client_secret": login["password"]}
    token = requests.post(f"{login['host']}/services/oauth2/token", data=form, timeout=5).json()["access_token"]
    answer = requests.patch(
        f"{running.crm_url}/services/data/v62.0/sobjects/Daily_Performance__c/External_Id__c/1:d",
        json={"Visits_Done__c": 1},
        headers={"Authorization": f"Bearer {token}"},
        timeout=5,
    )
    assert answer.status_code == 201


def test_a_life(home: Path) -> None:
    """Up, found, kept for the same options, replaced for others, down; what was written stays."""
    assert sandbox.status(home) is None
    first = sandbox.up(home, **CITY)
    assert (first.since, first.until, first.people) == (date(2026, 11, 2), date(2026, 11, 4), 8)
    assert sandbox.status(home) == first
    assert sandbox.up(home, **CITY) == first
    write_one(home, first)

    second = sandbox.up(home, **CITY, latency_ms=1)
    assert second.pid != first.pid
    with pytest.raises(ProcessLookupError):
        os.kill(first.pid, 0)
    assert len(performance(second)) == 1

    assert sandbox.down(home) is True
    assert sandbox.status(home) is None
    assert sandbox.down(home) is False


def test_what_it_leaves_is_for_airflow_and_for_its_owner_alone(home: Path) -> None:
    running = sandbox.up(home, **CITY)
    folder = home / "sandbox"
    left = json.loads((folder / "connections.json").read_text())
    assert set(left) == {"fieldwork_attendance", "fieldwork_crm"}
    assert left["fieldwork_attendance"]["host"] == running.attendance_url
    assert left["fieldwork_crm"]["extra"] == {"system": "salesforce"}
    assert (folder / "company.toml").exists()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "connections.json").stat().st_mode & 0o777 == 0o600


def test_a_killed_sandbox_is_not_running(home: Path) -> None:
    running = sandbox.up(home, **CITY)
    os.kill(running.pid, signal.SIGKILL)
    os.waitpid(running.pid, 0)
    assert sandbox.status(home) is None
    assert sandbox.up(home, **CITY).pid != running.pid


def test_a_sandbox_whose_state_is_deleted_ends(home: Path) -> None:
    running = sandbox.up(home, **CITY)
    shutil.rmtree(home / "sandbox")
    for _ in range(100):
        if os.waitpid(running.pid, os.WNOHANG)[0]:
            return
        time.sleep(0.05)
    os.kill(running.pid, signal.SIGKILL)
    pytest.fail("it still runs")


def test_another_city_has_a_crm_of_its_own(home: Path) -> None:
    write_one(home, sandbox.up(home, **CITY))
    assert performance(sandbox.up(home, **{**CITY, "days": 3})) == []


def test_options_that_make_no_city_are_refused_by_the_process_that_asked(home: Path) -> None:
    with pytest.raises(ConfigError, match="No city can be made"):
        sandbox.up(home, people=2)
    with pytest.raises(ConfigError, match="no option colour"):
        sandbox.up(home, colour="red")
    with pytest.raises(ConfigError, match="no folder"):
        sandbox.up(home, data=home / "missing")
    assert sandbox.status(home) is None


def test_edited_files_are_another_company(tmp_path: Path) -> None:
    file = tmp_path / "employees.csv"
    file.write_text("user_id\nu1\n")
    before = sandbox.options_of(data=tmp_path)
    fingerprint, identity = before.fingerprint(), before.identity()
    file.write_text("user_id\nu1\nu2\n")
    assert before.fingerprint() != fingerprint
    assert before.identity() == identity  # but it is the same CRM


class TestCommands:
    def run(self, home: Path, *arguments: str) -> tuple[int, str]:
        result = CliRunner(env={"FIELDWORK_HOME": str(home), "COLUMNS": "200"}).invoke(app, list(arguments))
        return result.exit_code, result.output

    def test_up_status_export_truth_down(self, home: Path, tmp_path: Path) -> None:
        assert self.run(home, "status")[0] == 1
        code, said = self.run(home, "up", "--detach", "--people", "8", "--days", "2", "--faults", "none")
        assert code == 0
        assert "8 people, 2026-11-02 to 2026-11-04" in said
        running = sandbox.status(home)
        assert running is not None
        requests.get(f"{running.attendance_url}/gettoken", timeout=5)
        code, said = self.run(home, "status")
        assert code == 0
        assert "/gettoken" in said
        assert self.run(home, "export", "--out", str(tmp_path / "csv"))[0] == 0
        assert (tmp_path / "csv" / "employees.csv").exists()
        assert self.run(home, "truth", "--out", str(tmp_path / "truth"))[0] == 0
        assert any((tmp_path / "truth").iterdir())
        assert self.run(home, "down") == (0, "Stopped.\n")
        assert self.run(home, "down") == (0, "No sandbox was running.\n")

    def test_truth_without_a_sandbox_says_what_to_do(self, home: Path, tmp_path: Path) -> None:
        result = CliRunner(env={"FIELDWORK_HOME": str(home)}).invoke(app, ["truth", "--out", str(tmp_path)])
        assert isinstance(result.exception, ConfigError)
        assert "sandbox up" in result.exception.todo

    def test_files_have_no_truth(self, home: Path, tmp_path: Path) -> None:
        sandbox.up(home, **CITY)
        self.run(home, "export", "--out", str(tmp_path / "csv"))
        sandbox.up(home, data=tmp_path / "csv")
        result = CliRunner(env={"FIELDWORK_HOME": str(home)}).invoke(app, ["score"])
        assert isinstance(result.exception, ConfigError)
        assert "from files" in result.exception.happened
