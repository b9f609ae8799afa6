"""The DAG crm_undo in real Airflow: it waits for a person, and does what they answer."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from fieldwork.orchestration.dag_run import run_dag
from fieldwork.orchestration.environment import environment
from fieldwork.settings import Settings, load

from .conftest import Journey

#: What Airflow's pages do when somebody answers, by the same function, once the task waits.
ANSWER = """
import sys, time
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.api_fastapi.core_api.datamodels.hitl import UpdateHITLDetailPayload
from airflow.api_fastapi.core_api.routes.public.hitl import update_hitl_detail
from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from sqlalchemy import select

for _ in range(240):
    time.sleep(0.5)
    with create_session() as session:
        waiting = session.scalars(select(TaskInstance).where(
            TaskInstance.dag_id == "crm_undo", TaskInstance.state == "awaiting_input")).first()
        if waiting is None:
            continue
        detail = session.get(HITLDetail, waiting.id)
        print(detail.subject, "|", detail.body)
        update_hitl_detail(
            dag_id="crm_undo", dag_run_id=waiting.run_id, task_id="approve", session=session,
            update_hitl_detail_payload=UpdateHITLDetailPayload(chosen_options=[sys.argv[1]]),
            user=SimpleAuthManagerUser(username="boss", role="admin"),
        )
        break
else:
    sys.exit("nothing waited for an answer")
"""


def answered(settings: Settings, batch: int, answer: str, asked: list[str]) -> dict[str, str]:
    """Run the DAG and answer when it asks; states of its tasks."""
    variables = os.environ | environment(settings)

    def person() -> None:
        done = subprocess.run(
            [sys.executable, "-c", ANSWER, answer], env=variables, capture_output=True, text=True, check=False
        )
        asked.append(done.stdout + done.stderr[-2000:])

    thread = threading.Thread(target=person)
    outcome: dict[str, str] = {}

    def tell(label: str, done: int, total: int | None) -> None:
        if label == "crm_undo" and done == 1:  # Airflow's metadata exist by now
            thread.start()

    outcome |= run_dag("crm_undo", {"batch": batch}, settings=settings, progress=tell, retry_delay=1).tasks
    thread.join(60)
    return outcome


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_batch_is_taken_back_when_a_person_agrees_and_only_then(journey: Journey, tmp_path: Path) -> None:
    before = journey.crm()
    assert journey.run() == 0, journey.said()
    written = journey.crm()
    assert written != before
    ((batch,),) = journey.ask("select write_batch_id from ops.write_batch where kind = 'visit'")
    settings = load(
        {
            "FIELDWORK_HOME": str(journey.home),
            "FIELDWORK_WAREHOUSE_URL": journey.database_url,
            "FIELDWORK_CONNECTIONS": str(journey.home / "sandbox" / "connections.json"),
            "FIELDWORK_NOW": "2026-11-08T02:30:00+08:00",
        }
    )
    asked: list[str] = []

    tasks = answered(settings, batch, "Reject", asked)
    assert (tasks["approve"], tasks["undo"]) == ("success", "skipped"), asked
    assert journey.crm() == written

    tasks = answered(settings, batch, "Approve", asked)
    assert set(tasks.values()) == {"success"}, asked
    assert _told(journey.crm()) == _told(before + [record for record in written if "External_Id__c" in record])
    assert f"Take write batch {batch} back?" in asked[-1]
    ((records,),) = journey.ask(f"select records from ops.write_batch where write_batch_id = {batch}")
    assert f"**{records}** records would be put back" in asked[-1]
    assert journey.ask("select purpose, undoes from ops.write_batch order by write_batch_id desc limit 1") == [
        ("undo", batch)
    ]


def _told(records: list[dict[str, Any]]) -> list[str]:
    return sorted(str({k: v for k, v in record.items() if k != "LastModifiedById"}) for record in records)
