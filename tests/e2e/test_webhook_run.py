"""The daily run with an endpoint: middleware hears what the CRM is told, record for record."""

from __future__ import annotations

import pytest

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
