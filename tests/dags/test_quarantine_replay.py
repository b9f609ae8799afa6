"""quarantine_replay, run by real Airflow: rehearsed, approved by a person, refused by a person."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.orchestration.dag_run import Outcome, run_dag
from fieldwork.orchestration.environment import environment
from fieldwork.quality import mend
from fieldwork.settings import Settings
from tests.orchestration.airflow_process import run_python
from tests.steps.rows import at, rows_of, set_aside

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

#: Answers the waiting task through Airflow's own API, as the page "Required Actions" does.
ANSWER = """
import time
from fastapi.testclient import TestClient
from airflow.api_fastapi.app import create_app

with TestClient(create_app(apps="core"), base_url="http://127.0.0.1") as client:
    token = client.get("/auth/token").json()["access_token"]
    client.headers["Authorization"] = f"Bearer {{token}}"
    where = "/api/v2/dags/quarantine_replay/dagRuns/{run_id}/taskInstances/approve/-1/hitlDetails"
    said = client.patch(where, json={{"chosen_options": ["{answer}"], "params_input": {{}}}})
    while said.status_code == 404:
        time.sleep(0.5)
        said = client.patch(where, json={{"chosen_options": ["{answer}"], "params_input": {{}}}})
    asked = client.get(where).json()
answer([said.status_code, asked["body"]])
"""


@pytest.fixture
def mended(warehouse: Engine, settings: Settings) -> Engine:
    """Two bad punches of a known person, one of them mended."""
    with warehouse.begin() as connection:
        connection.execute(
            sa.text("insert into ref.identity values ('dingtalk', 'u1', '2020-01-01', null, '001', 'file', now())")
        )
    bad = {"user_id": "u1", "punched_at": at("2026-11-02 09:00"), "kind": "sideways"}
    set_aside(warehouse, settings, "bad", "dingtalk", "kind_known", punches=[bad | {"record_id": k} for k in "12"])
    with warehouse.begin() as connection:
        number = connection.execute(sa.text("select min(quarantine_id) from ops.quarantine")).scalar_one()
        mend.act(connection, "ann")
        mend.mend(connection, {number: {"kind": "in"}})
    return warehouse


def _statuses(engine: Engine) -> list[str]:
    return [row[0] for row in rows_of(engine, "select status from ops.quarantine order by quarantine_id")]


def _in_background(run: Callable[[], Outcome]) -> tuple[threading.Thread, list[Any]]:
    found: list[Any] = []

    def body() -> None:
        try:
            found.append(run())
        except BaseException as error:  # the test reads it
            found.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    return thread, found


def _answered(engine: Engine, settings: Settings, home: Path, answer: str) -> tuple[Outcome, list[Any]]:
    thread, found = _in_background(
        lambda: run_dag("quarantine_replay", {"approval": True}, settings=settings, home=home / "airflow")
    )
    chosen = sa.text("select run_id from ops.step where step = 'choose' and state = 'done' order by started_at desc")
    run_id = None
    while run_id is None and thread.is_alive():
        time.sleep(0.5)
        with engine.connect() as connection:
            run_id = connection.execute(chosen).scalar()
    env = environment(settings, home / "airflow") | {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True"}
    said = run_python(ANSWER.format(run_id=run_id, answer=answer), home / "answers", env)
    thread.join(120)
    assert isinstance(found[0], Outcome), found
    return found[0], said


def test_a_rehearsal_skips_what_would_publish(mended: Engine, settings: Settings, tmp_path: Path) -> None:
    run = run_dag("quarantine_replay", {"dry_run": True}, settings=settings, home=tmp_path / "airflow")
    skipped = {"approve", "build", "audit", "publish", "write_back"}
    assert {name for name, state in run.tasks.items() if state == "skipped"} == skipped
    assert {state for name, state in run.tasks.items() if name not in skipped} == {"success"}
    assert _statuses(mended) == ["mended", "new"]
    assert rows_of(mended, "select kind, state, dry_run from ops.run where kind = 'replay'") == [
        ("replay", "done", True)
    ]


def test_a_person_approves(mended: Engine, settings: Settings, tmp_path: Path) -> None:
    run, said = _answered(mended, settings, tmp_path, "Approve")
    assert said == [200, "By stream: {'punches': 1}. `fieldwork quarantine list` shows the rows."]
    assert {name: state for name, state in run.tasks.items() if state != "success"} == {"write_back": "skipped"}
    assert _statuses(mended) == ["replayed", "new"]
    who = "select who from ops.quarantine_event where status = 'replayed'"
    assert [row[0].endswith(", approved by Anonymous") for row in rows_of(mended, who)] == [True]


def test_a_person_refuses(mended: Engine, settings: Settings, tmp_path: Path) -> None:
    run, _ = _answered(mended, settings, tmp_path, "Reject")
    assert run.tasks["replay"] == "skipped"
    assert run.tasks["finish"] == "success"
    assert _statuses(mended) == ["mended", "new"]
    assert rows_of(mended, "select state from ops.batch where kind = 'replay'") == [("abandoned",)]
