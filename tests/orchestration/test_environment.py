"""Airflow's variables come from the settings and are never forced on an Airflow that has its own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from fieldwork.errors import ConfigError
from fieldwork.orchestration.environment import airflow_home, environment, prepare_environment
from fieldwork.settings import ROOT, Settings, load


@pytest.fixture
def own(tmp_path: Path) -> Settings:
    return load({"FIELDWORK_HOME": str(tmp_path), "FIELDWORK_NOW": "2026-11-08T02:30:00+08:00"})


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The variables as they were before, and an Airflow that looks as if it had not been imported."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(("AIRFLOW", "_AIRFLOW", "FIELDWORK")):
            monkeypatch.delenv(name)
    monkeypatch.delitem(sys.modules, "airflow", raising=False)
    yield
    os.environ.clear()
    os.environ.update(before)


def test_points_airflow_at_our_dags_and_state(own: Settings) -> None:
    variables = environment(own)
    assert variables["AIRFLOW_HOME"] == str(airflow_home(own)) == str(own.home / "airflow")
    assert variables["AIRFLOW__CORE__DAGS_FOLDER"] == str(ROOT / "dags")
    assert variables["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"
    assert variables["FIELDWORK_NOW"] == "2026-11-07T18:30:00+00:00"
    assert "AIRFLOW__SECRETS__BACKEND" not in variables
    assert "FIELDWORK_WAREHOUSE_URL" not in variables


def test_a_connections_file_becomes_the_secrets_backend(own: Settings, tmp_path: Path) -> None:
    variables = environment(replace(own, connections=tmp_path / "c.json"))
    assert json.loads(variables["AIRFLOW__SECRETS__BACKEND_KWARGS"]) == {
        "connections_file_path": str(tmp_path / "c.json")
    }
    assert variables["FIELDWORK_CONNECTIONS"] == str(tmp_path / "c.json")


def test_a_child_with_these_variables_has_the_same_settings(own: Settings, tmp_path: Path) -> None:
    whole = replace(
        own,
        connections=tmp_path / "c.json",
        warehouse_url="postgresql://u:p@h/d",
        postgres_user="nobody",
        failpoint="x:2",
    )
    assert load(environment(whole)) == whole


def test_variables_that_are_set_stay(own: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", "/opt/airflow")
    prepare_environment(own)
    assert os.environ["AIRFLOW_HOME"] == "/opt/airflow"
    assert os.environ["AIRFLOW__CORE__PLUGINS_FOLDER"] == str(ROOT / "plugins")


def test_an_airflow_that_was_imported_before_is_an_error(own: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "airflow", ModuleType("airflow"))
    with pytest.raises(ConfigError, match="loaded before"):
        prepare_environment(own)
    monkeypatch.delitem(sys.modules, "airflow")
    prepare_environment(own)
    monkeypatch.setitem(sys.modules, "airflow", ModuleType("airflow"))
    prepare_environment(own)
