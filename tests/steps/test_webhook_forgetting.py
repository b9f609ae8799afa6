"""What was delivered is forgotten in time, and the next publication is told from it all the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.settings import Settings, load
from fieldwork.steps.webhooks import send_webhooks
from fieldwork.warehouse.schema import webhooks as schema
from fieldwork.warehouse.server import Server
from fieldwork.writeback.webhooks import queue
from tests.connectors.loopback import Reply
from tests.connectors.receiver import Receiver, receiver

from .middleware import emptied, endpoint, events, published, quick, republish, send, shared_database


@pytest.fixture(scope="module")
def shared(pg_server: Server) -> Iterator[tuple[Engine, str]]:
    with shared_database(pg_server) as both:
        yield both


@pytest.fixture
def warehouse(shared: tuple[Engine, str]) -> Engine:
    emptied(shared[0])
    return shared[0]


@pytest.fixture
def rules(tmp_path: Path, shared: tuple[Engine, str]) -> Settings:
    settings = load({"FIELDWORK_HOME": str(tmp_path), "FIELDWORK_WAREHOUSE_URL": shared[1]})
    return quick(settings)


@pytest.fixture
def here() -> Iterator[Receiver]:
    with receiver() as one:
        yield one


def aged(engine: Engine, days: int) -> None:
    """Everything was settled so many days earlier than it was."""
    with engine.begin() as connection:
        settled = schema.event.c.settled_at
        connection.execute(sa.update(schema.event).values(settled_at=settled - timedelta(days=days)))


def test_what_was_overtaken_goes_and_the_last_one_keeps_its_hash_alone(
    warehouse: Engine, rules: Settings, here: Receiver
) -> None:
    published(warehouse, people=2)
    target = endpoint(here, rules)
    send(warehouse, rules, target)
    republish(warehouse, "E1", status="late")
    send(warehouse, rules, target)
    aged(warehouse, 29)
    send(warehouse, rules, target)
    assert [event["payload"] is None for event in events(warehouse)] == [False, False, False]
    aged(warehouse, 2)
    assert send(warehouse, rules, target)["n8n"]["events"] == 0
    assert [(event["employee_id"], event["payload"]) for event in events(warehouse)] == [("E2", None), ("E1", None)]

    republish(warehouse, "E1", worked_minutes=1)  # nothing that the endpoint is told
    assert send(warehouse, rules, target)["n8n"]["events"] == 0
    republish(warehouse, "E1", status="early")
    assert send(warehouse, rules, target)["n8n"]["delivered"] == 1
    assert (here.content()[-1]["status"], here.content()[-1]["changed"]) == ("early", None)


def test_it_is_not_replayed_any_more(warehouse: Engine, rules: Settings, here: Receiver) -> None:
    published(warehouse)
    send(warehouse, rules, endpoint(here, rules))
    aged(warehouse, 31)
    send(warehouse, rules, endpoint(here, rules))
    (event,) = events(warehouse)
    with warehouse.begin() as connection:
        assert queue.replay(connection, "n8n", [event["event_id"]], overtaken=True) == (0, 0)


def test_a_dead_letter_stays_until_it_is_overtaken(warehouse: Engine, rules: Settings, here: Receiver) -> None:
    published(warehouse)
    target = endpoint(here, rules)
    here.mood = lambda asked: Reply(b"", 400)
    send(warehouse, rules, target)
    here.mood = lambda asked: None
    aged(warehouse, 400)
    send(warehouse, rules, target)
    assert [(event["state"], event["payload"]["status"]) for event in events(warehouse)] == [("dead", "present")]
    republish(warehouse, "E1", status="late")
    send(warehouse, rules, target)
    send(warehouse, rules, target)
    assert [(event["state"], event["payload"]["status"]) for event in events(warehouse)] == [("delivered", "late")]


@pytest.mark.parametrize(("dry_run", "left"), [(True, 1), (False, 0)])
def test_an_endpoint_that_is_configured_no_more_is_forgotten_too_but_by_no_rehearsal(
    warehouse: Engine, rules: Settings, here: Receiver, dry_run: bool, left: int
) -> None:
    published(warehouse)
    send(warehouse, rules, endpoint(here, rules))
    aged(warehouse, 31)
    assert send_webhooks(warehouse, rules, [], run_id="r", dry_run=dry_run) == {}
    assert sum(event["payload"] is not None for event in events(warehouse)) == left
