"""Airflow connections become connectors, in plain Python as well as inside a task, and leak nothing on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fieldwork.orchestration.environment import environment
from fieldwork.settings import load

from .airflow_process import run_python

CONNECTIONS = {
    "fieldwork_attendance": {
        "conn_type": "http", "host": "http://127.0.0.1:8001", "login": "key-1", "password": "secret-1",
        "extra": json.dumps({"system": "dingtalk", "verify": "/etc/ca.pem", "X-Custom": "1"}),
    },
    "fieldwork_crm": {
        "conn_type": "http", "host": "crm.example", "schema": "https", "port": 8443, "login": "id-1",
        "password": "secret-2", "extra": json.dumps({"system": "salesforce"}),
    },
    "fieldwork_warehouse": {
        "conn_type": "postgres", "host": "db", "port": 5433, "schema": "w", "login": "u", "password": "p@ss/word",
        "extra": json.dumps({"sslmode": "require"}),
    },
    "nameless": {"conn_type": "http", "host": "h"},
    "unheard": {"conn_type": "http", "host": "h", "extra": json.dumps({"system": "abacus"})},
}  # fmt: skip

LOOK = """
from fieldwork import settings
from fieldwork.connectors import table
from fieldwork.errors import ConfigError
from fieldwork.orchestration import sessions

def look():
    given = {}
    def catch(**parts):
        session = parts.pop("session")
        given["session"] = [session.auth, sorted(session.headers), session.verify]
        given["parts"] = {k: v for k, v in parts.items() if k != "config"}
        return table_build(**parts, session=session)
    table_build = table.build_source
    table.build_source = catch
    here = settings.load()
    try:
        source = sessions.open_source(here, "fieldwork_attendance")
    finally:
        table.build_source = table_build
    errors = {}
    for name in ("nameless", "unheard", "absent"):
        try:
            sessions.open_source(here, name)
        except ConfigError as error:
            errors[name] = str(error)
    return {
        "session": given["session"], "parts": given["parts"], "source": source.system,
        "target": sessions.open_target(here).system, "url": sessions.warehouse_url(), "errors": errors,
    }
"""

PLAIN = """
from fieldwork import settings
from fieldwork.orchestration.environment import prepare_environment
prepare_environment(settings.load())
""" + LOOK + """
answer(look())
"""  # fmt: skip

IN_A_TASK = """
import json
from airflow.sdk import dag, task

@dag(schedule=None)
def looking():
    @task
    def one():
        with open(OUT, "w") as file:
            json.dump(look(), file)
    one()

looking()
"""

RUN = """
import os
from datetime import timedelta
from fieldwork.orchestration import in_process
done = in_process.execute("looking", {}, progress=lambda *a: None, retry_delay=timedelta(0))
answer(done["state"])
"""


def _variables(tmp_path: Path, connections: dict[str, Any]) -> dict[str, str]:
    file = tmp_path / "connections.json"
    file.write_text(json.dumps(connections), encoding="utf-8")
    settings = load({"FIELDWORK_HOME": str(tmp_path / "home"), "FIELDWORK_CONNECTIONS": str(file)})
    return environment(settings, tmp_path / "airflow")


def _check(found: dict[str, Any]) -> None:
    auth, headers, verify = found["session"]
    assert (auth, verify) == (None, "/etc/ca.pem")
    assert headers == ["Accept", "Accept-Encoding", "Connection", "User-Agent"]
    assert found["parts"] == {
        "system": "dingtalk", "base_url": "http://127.0.0.1:8001", "login": "key-1", "password": "secret-1",
    }  # fmt: skip
    assert (found["source"], found["target"]) == ("dingtalk", "salesforce")
    assert found["url"] == "postgresql://u:p%40ss%2Fword@db:5433/w?sslmode=require"
    assert "does not say which system" in found["errors"]["nameless"]
    assert "no system 'abacus'" in found["errors"]["unheard"]
    assert "no Airflow connection absent" in found["errors"]["absent"]


def test_in_plain_python(tmp_path: Path) -> None:
    variables = _variables(tmp_path, CONNECTIONS)
    del variables["AIRFLOW_HOME"]  # prepare_environment must give it, before Airflow is imported
    _check(run_python(PLAIN, tmp_path / "airflow", {"FIELDWORK_CONNECTIONS": variables["FIELDWORK_CONNECTIONS"]}))


def test_inside_a_task(tmp_path: Path) -> None:
    dags, out = tmp_path / "dags", tmp_path / "found.json"
    dags.mkdir()
    (dags / "looking.py").write_text(LOOK + f"\nOUT = {str(out)!r}\n" + IN_A_TASK, encoding="utf-8")
    variables = _variables(tmp_path, CONNECTIONS) | {"AIRFLOW__CORE__DAGS_FOLDER": str(dags)}
    assert run_python(RUN, tmp_path / "airflow", variables) == "success"
    _check(json.loads(out.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("connections", "url"),
    [({}, None), ({"fieldwork_warehouse": {"conn_type": "mysql", "host": "h"}}, "type mysql")],
    ids=["absent", "of another kind"],
)
def test_the_warehouse_connection_may_be_absent_but_not_wrong(
    tmp_path: Path, connections: dict[str, Any], url: str | None
) -> None:
    code = """
from fieldwork.errors import ConfigError
from fieldwork.orchestration import sessions
try:
    answer(sessions.warehouse_url())
except ConfigError as error:
    answer(str(error))
"""
    found = run_python(code, tmp_path / "airflow", _variables(tmp_path, connections))
    assert found is None if url is None else url in found
