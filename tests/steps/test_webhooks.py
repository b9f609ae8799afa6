"""Events to middleware: each change once, each person's in order, whatever the receiver does."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.errors import Fenced, MassChange
from fieldwork.settings import Settings, load
from fieldwork.warehouse import ledger
from fieldwork.warehouse.schema import mart, ops
from fieldwork.warehouse.server import Server
from fieldwork.writeback.fields import FIELDS
from fieldwork.writeback.webhooks import endpoints, queue
from tests.connectors.loopback import Asked, Reply
from tests.connectors.receiver import Receiver, receiver
from tests.writeback import crm

from .middleware import (
    DAY,
    emptied,
    endpoint,
    events,
    later,
    published,
    quick,
    republish,
    send,
    shared_database,
    standing,
)


@pytest.fixture(scope="module")
def shared(pg_server: Server) -> Iterator[tuple[Engine, str]]:
    with shared_database(pg_server) as both:
        yield both


@pytest.fixture
def warehouse(shared: tuple[Engine, str]) -> Engine:
    emptied(shared[0])
    return shared[0]


@pytest.fixture
def settings(tmp_path: Path, shared: tuple[Engine, str]) -> Settings:
    return load({"FIELDWORK_HOME": str(tmp_path), "FIELDWORK_WAREHOUSE_URL": shared[1]})


@pytest.fixture
def here() -> Iterator[Receiver]:
    with receiver() as one:
        yield one


@pytest.fixture
def rules(settings: Settings) -> Settings:
    return quick(settings)


def about(asked: Asked, person: str) -> bool:
    return bool(asked.json()["partitionkey"] == person)


# --- which events


def test_what_was_published_arrives_once_and_a_second_run_sends_nothing(
    here: Receiver, rules: Settings, warehouse: Engine
) -> None:
    published(warehouse, people=3, days=2)
    crm.visit(warehouse, "v1")
    crm.crm_user(warehouse, "005U1")
    first = send(warehouse, rules, endpoint(here, rules))
    assert first == {"n8n": {"events": 7, "delivered": 7, "dead": 0, "failed": 0, "waiting": 0}}
    assert send(warehouse, rules, endpoint(here, rules))["n8n"]["events"] == 0
    assert len(here.heard) == len(here.acted) == 7
    kinds = {event.get_type() for event in here.acted}
    assert kinds == {"fieldwork.visit_check.changed.v1", "fieldwork.performance_day.changed.v1"}
    assert here.of("E2") == sorted(here.of("E2")) and len(here.of("E1")) == 3
    with warehouse.connect() as connection:
        audit = connection.execute(
            sa.select(ops.audit_log.c.action, ops.audit_log.c.rows, ops.audit_log.c.detail)
        ).all()
    assert [(row.action, row.rows, row.detail["by_kind"]) for row in audit] == [
        ("send webhooks to n8n", 7, {"visit": 1, "performance": 6})
    ]


def test_an_event_holds_the_fields_that_may_leave_and_nothing_else(
    here: Receiver, rules: Settings, warehouse: Engine
) -> None:
    published(warehouse)
    crm.visit(warehouse, "v1")
    send(warehouse, rules, endpoint(here, rules))
    about_work = {"key", "changed"}
    visit, day = here.content()
    assert visit.keys() == FIELDS["visit"].keys() | about_work
    assert day.keys() == FIELDS["performance"].keys() | about_work
    assert visit["checkin_at"] == "2026-11-03T01:02:03Z" and day["work_date"] == "2026-11-03"


def test_an_endpoint_gets_the_kinds_and_fields_that_it_asked_for(
    here: Receiver, rules: Settings, warehouse: Engine
) -> None:
    published(warehouse)
    crm.visit(warehouse, "v1")
    target = endpoint(here, rules, kinds=["performance"], fields={"performance": ["status"]})
    send(warehouse, rules, target)
    assert here.content() == [{"key": "E1:2026-11-03", "status": "present", "changed": None}]


def test_a_change_is_an_event_that_names_what_changed_and_a_republished_equal_row_is_none(
    here: Receiver, rules: Settings, warehouse: Engine
) -> None:
    published(warehouse, people=2)
    target = endpoint(here, rules)
    send(warehouse, rules, target)
    republish(warehouse, "E1", status="late", visits_done=2, late_minutes=31)
    republish(warehouse, "E2", late_minutes=5)
    found = send(warehouse, rules, target)
    assert found["n8n"]["events"] == 1
    assert here.content()[-1] | {"changed": ["status", "visits_done"], "status": "late"} == here.content()[-1]


def test_only_what_was_published_since_is_looked_at(here: Receiver, rules: Settings, warehouse: Engine) -> None:
    published(warehouse, people=2)
    send(warehouse, rules, endpoint(here, rules))
    with warehouse.begin() as connection:
        connection.execute(sa.update(mart.performance_day).values(visits_done=5))
    assert send(warehouse, rules, endpoint(here, rules))["n8n"]["events"] == 0
    republish(warehouse, "E2")
    assert send(warehouse, rules, endpoint(here, rules))["n8n"]["events"] == 1


def test_days_before_the_endpoint_was_met_are_not_told_until_it_is_asked_for(
    here: Receiver, rules: Settings, warehouse: Engine
) -> None:
    crm.day(warehouse, "E1", date(2026, 10, 1))
    published(warehouse)
    send(warehouse, rules, endpoint(here, rules))
    assert [one["key"] for one in here.content()] == ["E1:2026-11-03"]
    assert standing(warehouse)["since"] == date(2026, 11, 2), "the run's first day"
    found = send(warehouse, rules, endpoint(here, rules, since=date(2026, 10, 1)))
    assert found["n8n"]["events"] == 1 and here.content()[-1]["key"] == "E1:2026-10-01"


def test_a_dry_run_counts_and_changes_nothing(here: Receiver, rules: Settings, warehouse: Engine) -> None:
    published(warehouse, people=2)
    run = crm.run(warehouse, "rehearsal", dry_run=True)
    assert send(warehouse, rules, endpoint(here, rules), run_id=run) == {"n8n": {"dry_run": True, "events": 2}}
    assert here.heard == [] and events(warehouse) == []


def test_far_too_many_events_stop_and_ask(here: Receiver, settings: Settings, warehouse: Engine) -> None:
    rules = quick(settings, most_events=2)
    published(warehouse, people=3)
    with pytest.raises(MassChange, match="3 events"):
        send(warehouse, rules, endpoint(here, rules))
    assert events(warehouse) == [] and here.heard == []
    assert send(warehouse, rules, endpoint(here, rules), accept_mass_change=True)["n8n"]["delivered"] == 3


def test_without_an_endpoint_nothing_happens(rules: Settings, warehouse: Engine) -> None:
    published(warehouse)
    assert send(warehouse, rules) == {} and events(warehouse) == []
    with warehouse.connect() as connection:
        assert connection.execute(sa.select(ops.step)).all() == []


# --- how they are delivered


def test_a_failure_that_passes_is_tried_again_under_the_same_name(
    here: Receiver, rules: Settings, warehouse: Engine
) -> None:
    published(warehouse)
    answers = iter([Reply(b"", 500), Reply(reset=True), None])
    here.mood = lambda asked: next(answers)
    found = send(warehouse, rules, endpoint(here, rules))["n8n"]
    assert (found["delivered"], found["failed"], found["waiting"]) == (1, 2, 0)
    assert len(here.heard) == 3 and len(set(here.ids())) == 1
    (event,) = events(warehouse)
    assert (event["state"], event["attempts"], event["failures"], event["status"]) == ("delivered", 3, 2, 204)


def test_an_event_that_was_taken_though_its_answer_was_lost_is_acted_upon_once(
    here: Receiver, rules: Settings, warehouse: Engine
) -> None:
    published(warehouse)
    lost = iter([True, False])

    def mood(asked: Asked) -> Reply | None:
        if next(lost):
            here.mood = lambda asked: None
            here.take(asked)
            here.mood = mood
            return Reply(reset=True)
        return None

    here.mood = mood
    send(warehouse, rules, endpoint(here, rules))
    assert len(here.acted) == 1 and len(set(here.ids())) == 1


def test_a_person_waits_for_their_first_event_and_nobody_else_does(
    here: Receiver, rules: Settings, warehouse: Engine
) -> None:
    published(warehouse, people=4, days=3)
    here.mood = lambda asked: Reply(b"", 500) if about(asked, "E2") else None
    rules = quick(rules, retry_seconds=[60])
    found = send(warehouse, rules, endpoint(here, rules))["n8n"]
    assert (found["delivered"], found["failed"], found["waiting"]) == (9, 1, 3)
    assert here.of("E1") == sorted(here.of("E1")) and here.of("E2") == []
    assert len([one for one in here.heard if about(one, "E2")]) == 1, "their later events were not sent"


@pytest.mark.parametrize("seed", [*range(2), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 40))])
def test_whatever_fails_a_persons_events_are_acted_upon_in_order(
    here: Receiver, rules: Settings, warehouse: Engine, seed: int
) -> None:
    people, days = 5, 6
    chance = random.Random(seed)
    published(warehouse, people, days)

    def mood(asked: Asked) -> Reply | None:
        what = chance.random()
        if what < 0.15:
            return Reply(b"", chance.choice([500, 408, 502, 503, 429]))
        if what < 0.2:
            return Reply(reset=True)
        if what < 0.25:
            return Reply(b"", 422)
        if what < 0.32:
            here.mood = lambda asked: None
            here.take(asked)
            here.mood = mood
            return Reply(reset=True)
        return None

    here.mood = mood
    target = endpoint(here, rules, parallel=3)
    while send(warehouse, rules, target)["n8n"]["waiting"]:
        pass
    told = events(warehouse)
    dead = {event["event_id"] for event in told if event["state"] == "dead"}
    assert {event["state"] for event in told} <= {"delivered", "dead"} and len(told) == people * days
    for n in range(people):
        person = f"E{n + 1}"
        theirs = [event["event_id"] for event in told if event["employee_id"] == person]
        acted = [int(number) for number in here.of(person)]
        assert acted == sorted(acted), "in order"
        assert set(theirs) - dead <= set(acted) <= set(theirs), "all but dead letters, once"
        heard = [int(one.json()["sequence"]) for one in here.heard if about(one, person)]
        assert heard == sorted(heard), "none was sent before an earlier one was settled"


def test_too_often_lets_the_endpoint_rest_as_long_as_it_says(
    here: Receiver, rules: Settings, warehouse: Engine
) -> None:
    published(warehouse, people=3)
    times: list[float] = []

    def mood(asked: Asked) -> Reply | None:
        times.append(time.monotonic())
        return Reply(b"", 429, {"Retry-After": "1"}) if len(times) == 1 else None

    here.mood = mood
    found = send(warehouse, rules, endpoint(here, rules, parallel=1))["n8n"]
    assert (found["delivered"], found["failed"]) == (3, 1)
    assert times[1] - times[0] >= 1.0
    assert [event["failures"] for event in events(warehouse)] == [0, 0, 0], "it was no event's fault"
    assert standing(warehouse)["failures"] == 0 and standing(warehouse)["problem"] is None


def test_a_long_rest_ends_the_run_and_keeps_the_next_one_away(
    here: Receiver, rules: Settings, warehouse: Engine
) -> None:
    published(warehouse, people=3)
    here.mood = lambda asked: Reply(b"", 503, {"Retry-After": "3600"})
    begun = time.monotonic()
    target = endpoint(here, rules, parallel=1)
    assert send(warehouse, rules, target)["n8n"]["waiting"] == 3
    here.mood = lambda asked: None
    assert send(warehouse, rules, target)["n8n"]["waiting"] == 3
    assert len(here.heard) == 1 and time.monotonic() - begun < 4
    assert standing(warehouse)["problem"] == "HTTP 503"
    with warehouse.begin() as connection:
        assert endpoints.enable(connection, "n8n")
    assert send(warehouse, rules, target)["n8n"]["delivered"] == 3


def test_a_receiver_that_is_down_costs_a_call_and_no_event(rules: Settings, warehouse: Engine) -> None:
    published(warehouse, people=5)
    with receiver() as here:
        target = endpoint(here, rules, parallel=1)
    rules = quick(rules, retry_seconds=[60])
    assert send(warehouse, rules, target)["n8n"] == {
        "events": 5, "delivered": 0, "dead": 0, "failed": 1, "waiting": 5
    }  # fmt: skip
    assert standing(warehouse)["problem"] == "no connection"


def test_gone_switches_the_endpoint_off_until_it_is_enabled(here: Receiver, rules: Settings, warehouse: Engine) -> None:
    published(warehouse, people=2)
    here.mood = lambda asked: Reply(b"", 410)
    target = endpoint(here, rules, parallel=1)
    assert send(warehouse, rules, target)["n8n"]["waiting"] == 2
    here.mood = lambda asked: None
    republish(warehouse, "E1", visits_done=3)
    assert send(warehouse, rules, target)["n8n"] == {"events": 0, "delivered": 0, "dead": 0, "failed": 0, "waiting": 2}
    assert len(here.heard) == 1 and standing(warehouse)["state"] == "off"
    with warehouse.begin() as connection:
        endpoints.enable(connection, "n8n")
    assert send(warehouse, rules, target)["n8n"]["delivered"] == 3
    assert [one["visits_done"] for one in here.content() if one["key"].startswith("E1")] == [0, 3]


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_event_is_a_dead_letter_and_the_person_goes_on(
    here: Receiver, rules: Settings, warehouse: Engine, status: int
) -> None:
    published(warehouse, days=3)
    here.mood = lambda asked: Reply(b"", status) if asked.json()["data"]["key"].endswith("-04") else None
    found = send(warehouse, rules, endpoint(here, rules))["n8n"]
    assert (found["delivered"], found["dead"], found["failed"]) == (2, 1, 0)
    (letter,) = events(warehouse, state="dead")
    assert (letter["key"], letter["status"], letter["problem"]) == ("E1:2026-11-04", status, f"HTTP {status}")
    assert len(here.heard) == 3


def test_what_fails_too_often_is_a_dead_letter(here: Receiver, rules: Settings, warehouse: Engine) -> None:
    published(warehouse, days=2)
    here.mood = lambda asked: Reply(b"", 500) if asked.json()["data"]["key"].endswith("-03") else None
    found = send(warehouse, rules, endpoint(here, rules))["n8n"]
    assert (found["delivered"], found["dead"], found["failed"]) == (1, 1, 3)
    (letter,) = events(warehouse, state="dead")
    assert letter["problem"] == "failed 4 times, the last time: HTTP 500"


def test_when_everything_is_refused_the_endpoint_rests_before_all_are_dead_letters(
    here: Receiver, settings: Settings, warehouse: Engine
) -> None:
    rules = quick(settings, retry_seconds=[60], circuit=5)
    published(warehouse, people=20)
    here.mood = lambda asked: Reply(b"", 404)
    found = send(warehouse, rules, endpoint(here, rules, parallel=1))["n8n"]
    assert (found["dead"], found["waiting"]) == (5, 15) and len(here.heard) == 5
    assert standing(warehouse)["problem"] == "5 failures in a row, the last: HTTP 404"


def test_one_endpoint_in_trouble_does_not_hold_up_another(rules: Settings, warehouse: Engine) -> None:
    published(warehouse, people=4)
    with receiver() as bad, receiver() as good:
        bad.mood = lambda asked: Reply(b"", 503, {"Retry-After": "3600"})
        found = send(warehouse, rules, endpoint(bad, rules, "bad"), endpoint(good, rules, "good"))
    assert (found["bad"]["waiting"], found["good"]["delivered"]) == (4, 4)
    assert set(good.ids()).isdisjoint(bad.ids())


def test_two_processes_do_not_serve_one_endpoint(here: Receiver, rules: Settings, warehouse: Engine) -> None:
    published(warehouse)
    with ledger.held(warehouse, "webhooks to n8n"), pytest.raises(Fenced):
        send(warehouse, rules, endpoint(here, rules))
    assert here.heard == []


# --- dead letters and replay


@pytest.fixture
def letters(here: Receiver, rules: Settings, warehouse: Engine) -> Callable[..., tuple[int, int]]:
    """Two days of one person, the first of them a dead letter; then a function that replays."""
    published(warehouse, days=2)
    here.mood = lambda asked: Reply(b"", 422) if asked.json()["data"]["key"].endswith("-03") else None
    send(warehouse, rules, endpoint(here, rules))
    here.mood = lambda asked: None

    def replay(ids: list[int] | None = None, *, overtaken: bool = False) -> tuple[int, int]:
        with warehouse.begin() as connection:
            return queue.replay(connection, "n8n", ids, overtaken=overtaken)

    return replay


def test_a_replayed_dead_letter_arrives_under_its_old_name(
    here: Receiver, rules: Settings, warehouse: Engine, letters: Callable[..., tuple[int, int]]
) -> None:
    assert letters() == (1, 0)
    assert send(warehouse, rules, endpoint(here, rules))["n8n"]["delivered"] == 1
    assert here.ids()[0] == here.ids()[-1] == here.acted[-1].get_id()
    event = events(warehouse)[0]
    assert (event["state"], event["attempts"], event["replays"]) == ("delivered", 2, 1)
    assert letters() == (0, 0), "there is no dead letter any more"


def test_a_dead_letter_that_was_overtaken_is_replayed_only_when_asked_for(
    here: Receiver, rules: Settings, warehouse: Engine, letters: Callable[..., tuple[int, int]]
) -> None:
    republish(warehouse, "E1", visits_done=9)
    send(warehouse, rules, endpoint(here, rules))
    assert here.content()[-1]["visits_done"] == 9
    assert letters() == (0, 1)
    assert letters(overtaken=True) == (1, 0)
    send(warehouse, rules, endpoint(here, rules))
    assert here.content()[-1]["visits_done"] == 0


def test_a_delivered_event_is_replayed_when_it_is_named(
    here: Receiver, rules: Settings, warehouse: Engine, letters: Callable[..., tuple[int, int]]
) -> None:
    second = events(warehouse)[1]["event_id"]
    assert letters([second]) == (1, 0)
    send(warehouse, rules, endpoint(here, rules))
    assert here.ids()[-1] == here.ids()[-2] and len(here.acted) == 1, (
        "the receiver knows the name and does not act again"
    )


def test_a_replayed_event_goes_before_its_persons_later_ones(
    here: Receiver, rules: Settings, warehouse: Engine, letters: Callable[..., tuple[int, int]]
) -> None:
    crm.day(warehouse, "E1", DAY + timedelta(days=5), published_at=later())
    letters()
    send(warehouse, rules, endpoint(here, rules))
    assert [one["key"][-2:] for one in here.content()] == ["04", "03", "08"]


def test_no_personal_data_or_secret_in_what_is_noted(
    here: Receiver, rules: Settings, warehouse: Engine, letters: Callable[..., tuple[int, int]]
) -> None:
    with warehouse.connect() as connection:
        told: list[Any] = [*connection.execute(sa.select(ops.step.c.result)).scalars(), dict(standing(warehouse))]
    told += [event["problem"] for event in events(warehouse)]
    assert "canary" not in str(told) and "E1" not in str(told)
