"""`fieldwork crm` as a person uses it, on a journey with a real CRM server: look, send, decide, take back."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from .conftest import Journey


class Crm:
    """The commands, with what they print as JSON."""

    def __init__(self, journey: Journey) -> None:
        self.journey = journey

    def __call__(self, *arguments: str, code: int = 0) -> Any:
        before = len(self.journey.said())
        assert self.journey.fieldwork("crm", *arguments, "--json") == code, self.journey.said()[before:]
        said = [line for line in self.journey.said()[before:].splitlines() if line[:1] in "[{"]
        return json.loads(said[-1]) if said else None

    def tell(self, *arguments: str) -> str:
        before = len(self.journey.said())
        assert self.journey.fieldwork("crm", *arguments) == 0, self.journey.said()[before:]
        return self.journey.said()[before:]


def restate(journey: Journey, minutes: int, *visits: str) -> None:
    """Visits are judged anew and published."""
    with psycopg.connect(journey.database_url, autocommit=True) as connection:
        connection.execute(
            "update mart.visit_check set minutes_off = %s, published_at = clock_timestamp() where visit_id = any(%s)",
            [minutes, list(visits)],
        )


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_look_send_decide_and_take_back(journey: Journey) -> None:
    assert journey.run() == 0, journey.said()
    crm = Crm(journey)
    _echo_restates_nothing(journey)

    visits = [row[0] for row in journey.ask("select visit_id from mart.visit_check order by 1 limit 3")]
    restate(journey, 55, *visits)
    plan = crm("diff", "--kind", "visit", "--limit", "2")
    assert (plan["visit"]["to_send"], plan["visit"]["corrections"]) == (3, 3)
    assert set(plan["visit"]["sample"]) == set(visits[:2])
    assert plan["visit"]["sample"][visits[0]]["checkin_minutes_off"][1] == 55
    journey.edit("Event", visits[0], Checkin_Minutes_Off__c=99, Checkin_Reason__c="张三 13800138000")
    live = crm("diff", "--live")
    assert (live["visit"]["to_send"], live["visit"]["kept"], live["visit"]["conflicts"]) == (2, 1, 2)
    assert journey.ask("select count(*) from ops.conflict") == [(0,)], "a rehearsal keeps nothing"
    assert crm("send", "--dry-run")["visit"]["to_send"] == 3

    sent = crm("send")
    batch = sent["visit"]["batch"]
    assert (sent["visit"]["accepted"], sent["visit"]["kept"], sent["visit"]["conflicts"]) == (2, 1, 2)
    found = {one["field"]: one for one in crm("conflicts")}
    assert found["checkin_minutes_off"]["theirs"] == 99
    assert found["checkin_reason"]["theirs"] == "(a text of 14 characters)"
    shown = {one["field"]: one for one in crm("conflicts", "--values")}
    assert shown["checkin_reason"]["theirs"] == "张三 13800138000"
    assert journey.ask("select rows from ops.audit_log where action = 'read values of conflicts'") == [(2,)]
    assert "Decided: 1" in crm.tell("conflicts", "--take-ours", str(found["checkin_minutes_off"]["id"]))
    assert "Decided: 1" in crm.tell("conflicts", "--keep-theirs", str(found["checkin_reason"]["id"]))
    assert journey.fieldwork("crm", "conflicts", "--take-ours", "9999") == 2
    again = crm("send")
    assert (again["visit"]["accepted"], crm("conflicts")) == (1, [])

    journey.clear()
    journey.inject(
        match="/composite/sobjects", kind="row_error", after=1, code="FIELD_CUSTOM_VALIDATION_EXCEPTION",
        message="Not on a holiday.",
    )  # fmt: skip
    restate(journey, 56, visits[1])
    assert crm("send")["visit"]["rejected"] == 1
    (refused,) = crm("rejects")
    assert (refused["key"], refused["code"], refused["message"]) == (
        visits[1], "FIELD_CUSTOM_VALIDATION_EXCEPTION", "Not on a holiday.",
    )  # fmt: skip
    assert "To be sent again: 1" in crm.tell("rejects", "--retry", "--code", "FIELD_CUSTOM_VALIDATION_EXCEPTION")
    assert crm("send")["visit"]["accepted"] == 1

    (told,) = [row for row in crm("status") if row["kind"] == "visit"]
    assert (told["waiting"], told["rejected"], told["conflicts"], told["last_state"]) == (0, 0, 0, "closed")
    assert told["calls_24h"] > 5
    listed = {row["batch"]: row for row in crm("batches")}
    assert (listed[batch]["purpose"], listed[batch]["records"], listed[batch]["accepted"]) == ("write_back", 3, 2)
    assert "write_back" in crm.tell("batches", "--limit", "1")
    assert "salesforce" in crm.tell("status")

    before = journey.crm()
    restate(journey, 57, visits[2])
    batch = crm("send")["visit"]["batch"]
    assert journey.crm() != before
    assert crm("undo", str(batch), "--dry-run")["sample"] == {visits[2]: {"checkin_minutes_off": [57, 55]}}
    assert "57" in crm.tell("undo", str(batch), "--dry-run")
    undone = crm("undo", str(batch), "--yes")
    assert (undone["accepted"], journey.crm()) == (1, before)
    assert crm("undo", str(batch), "--dry-run")["put_back"] == 0, "nothing of it is left to take back"
    assert crm("send")["visit"]["accepted"] == 0
    assert "Lifted for 1" in crm.tell("undo", str(undone["batch"]), "--lift")
    assert crm("send")["visit"]["accepted"] == 1
    assert journey.fieldwork("crm", "undo", "9999", "--yes") == 2


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_mass_change_stops_the_run_and_is_accepted_by_a_person(journey: Journey) -> None:
    with (journey.home / "sandbox" / "company.toml").open("a") as config:
        config.write("\n[write_back]\nmass_minimum = 5\n")
    assert journey.run() == 0, journey.said()
    restate(journey, 55, *(row[0] for row in journey.ask("select visit_id from mart.visit_check")))
    assert journey.run() == 1
    assert "MassChange" in journey.said()
    assert journey.ask("select count(*) from ops.outbox where payload ->> 'checkin_minutes_off' = '55'") == [(0,)]
    assert "It would stop and ask" in Crm(journey).tell("diff")
    assert journey.run("--accept-mass-change") == 0, journey.said()
    assert journey.ask("select count(*) > 5 from ops.outbox where payload ->> 'checkin_minutes_off' = '55'") == [
        (True,)
    ]


def _echo_restates_nothing(journey: Journey) -> None:
    """Our own writes come back through the CRM's modified stamp, are read, and touch no person-day."""
    written = journey.ask("select count(*) from ops.outbox where kind = 'visit' and state = 'sent'")[0][0]
    assert written > 10
    assert journey.run() == 0, journey.said()
    ((extracted, loaded, touched),) = journey.ask(
        "select sum(extracted), sum(loaded), sum(touched) from ops.batch where stream = 'visits' "
        "and run_id = (select run_id from ops.run order by started_at desc limit 1)"
    )
    assert (extracted >= written, loaded, touched) == (True, 0, 0)
    assert journey.ask("select count(*) from mart.visit_check_history") == [(0,)]
    newest = journey.ask(
        "select result -> 'visit' ->> 'sent', result -> 'performance' ->> 'sent' from ops.step "
        "where step = 'write_back' order by started_at desc limit 1"
    )
    assert newest == [("0", "0")]
