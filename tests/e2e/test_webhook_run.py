"""The daily run with an endpoint: middleware hears what the CRM is told, record for record."""

from __future__ import annotations

import psycopg
import pytest

from fieldwork.orchestration.dag_run import run_dag
from fieldwork.settings import load
from tests.connectors.loopback import Reply
from tests.connectors.receiver import SECRET, receiver

from .conftest import Journey


@pytest.mark.timeout(300)
def test_middleware_hears_what_the_crm_is_told(journey: Journey) -> None:
    with receiver() as here:
        own = journey.home / "own.toml"
        company = (journey.home / "sandbox" / "company.toml").read_text()
        own.write_text(
            f'{company}\n[webhooks]\nallow_networks = ["127.0.0.0/8"]\n'
            f'[[webhook]]\nname = "n8n"\nurl = "{here.url}"\nsecrets = ["{SECRET}"]\n'
        )
        assert journey.run(FIELDWORK_CONFIG=str(own)) == 0, journey.said()
    told = {event.get_subject(): event.get_data() for event in here.acted}
    published = journey.ask(
        "select 'visit/' || visit_id, verdict from mart.visit_check where work_date >= '2026-11-02' union all "
        "select 'performance/' || employee_id || ':' || work_date, status from mart.performance_day "
        "where work_date >= '2026-11-02'"
    )
    assert len(told) == len(here.acted) == len(published) > 20
    assert {key: data.get("checkin_verdict") or data["status"] for key, data in told.items()} == dict(published)
    sent = {record["External_Id__c"]: record for record in journey.crm() if "External_Id__c" in record}
    days = {data["key"]: data for subject, data in told.items() if subject.startswith("performance/")}
    assert days.keys() == {key for key in sent if key[-10:] >= "2026-11-02"}
    for key, data in days.items():
        assert (sent[key]["Attendance_Status__c"], sent[key]["Visits_Verified__c"]) == (
            data["status"],
            data["visits_verified"],
        )
    assert journey.ask("select result -> 'n8n' ->> 'delivered' from ops.step where step = 'webhooks'") == [
        (str(len(told)),)
    ]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_middleware_missed_comes_with_the_next_retry(journey: Journey, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daily run meets an endpoint that is down; the DAG webhooks_retry delivers when it is up again."""
    with receiver(mood=lambda asked: Reply(b"", 500)) as here:
        own = journey.home / "own.toml"
        company = (journey.home / "sandbox" / "company.toml").read_text()
        own.write_text(
            f'{company}\n[webhooks]\nallow_networks = ["127.0.0.0/8"]\nretry_seconds = [90, 90]\nrun_minutes = 1\n'
            f'circuit = 1000\n[[webhook]]\nname = "n8n"\nurl = "{here.url}"\nsecrets = ["{SECRET}"]\n'
        )
        assert journey.run(FIELDWORK_CONFIG=str(own)) == 0, journey.said()
        ((noted,),) = journey.ask("select count(*) from ops.webhook_event where state = 'waiting'")
        assert (noted > 20, here.acted) == (True, [])
        assert len(here.heard) > 0
        here.mood = lambda asked: None
        with psycopg.connect(journey.database_url) as connection:  # the time of the retry has come
            connection.execute("update ops.webhook_event set due_at = now()")
        told = {
            "FIELDWORK_HOME": str(journey.home),
            "FIELDWORK_WAREHOUSE_URL": journey.database_url,
            "FIELDWORK_CONFIG": str(own),
            "FIELDWORK_CONNECTIONS": str(journey.home / "sandbox" / "connections.json"),
        }
        monkeypatch.setenv("FIELDWORK_CONFIG", str(own))  # Airflow's process inherits it
        run = run_dag("webhooks_retry", {}, settings=load(told))
        assert run.tasks == {"retry": "success"}
        assert len(here.acted) == noted
    assert journey.ask("select distinct state from ops.webhook_event") == [("delivered",)]
