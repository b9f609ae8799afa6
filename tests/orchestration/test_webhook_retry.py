"""Between the daily runs what waits is delivered when its time comes, and nothing else is done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.orchestration import tasks, webhook_tasks, webhooks
from fieldwork.settings import Settings, load
from fieldwork.warehouse import ledger
from fieldwork.warehouse.schema import ops
from fieldwork.warehouse.schema import webhooks as schema
from fieldwork.warehouse.server import Server
from fieldwork.writeback.webhooks import queue
from tests.connectors.loopback import Reply
from tests.connectors.receiver import Receiver, receiver
from tests.steps.middleware import emptied, endpoint, published, quick, republish, send, shared_database


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
    return quick(settings, retry_seconds=[600])  # longer than a run waits


@pytest.fixture
def here() -> Iterator[Receiver]:
    with receiver() as one:
        yield one


@pytest.fixture(autouse=True)
def airflow(warehouse: Engine, rules: Settings, here: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "open_warehouse", lambda: (warehouse, rules))
    monkeypatch.setattr(webhooks, "open_webhooks", lambda settings: [endpoint(here, settings)])


def test_what_waits_is_delivered_when_its_time_comes_and_nothing_new_is_noted(
    warehouse: Engine, rules: Settings, here: Receiver
) -> None:
    published(warehouse, people=2)
    here.mood = lambda asked: Reply(b"", 500)
    assert send(warehouse, rules, endpoint(here, rules))["n8n"]["waiting"] == 2
    here.mood = lambda asked: None
    assert webhook_tasks.retry("q1") == {}
    come(warehouse)
    republish(warehouse, "E1", status="late")
    assert webhook_tasks.retry("q2") == {"n8n": {"events": 0, "delivered": 2, "dead": 0, "failed": 0, "waiting": 0}}
    assert [event.get_data()["status"] for event in here.acted] == ["present", "present"]
    with warehouse.connect() as connection:
        noted = connection.execute(sa.select(ops.step.c.run_id, ops.step.c.state).where(ops.step.c.run_id.like("q%")))
        assert [tuple(row) for row in noted] == [("q2", "done")]
    assert send(warehouse, rules, endpoint(here, rules))["n8n"]["delivered"] == 1


def test_a_dead_letter_put_back_in_line_goes_with_it(warehouse: Engine, rules: Settings, here: Receiver) -> None:
    published(warehouse)
    here.mood = lambda asked: Reply(b"", 400)
    assert send(warehouse, rules, endpoint(here, rules))["n8n"]["dead"] == 1
    here.mood = lambda asked: None
    with warehouse.begin() as connection:
        assert queue.replay(connection, "n8n", None, overtaken=False) == (1, 0)
    assert webhook_tasks.retry("q1")["n8n"]["delivered"] == 1


def test_it_leaves_an_endpoint_to_the_process_that_is_at_it(warehouse: Engine, rules: Settings, here: Receiver) -> None:
    published(warehouse)
    here.mood = lambda asked: Reply(b"", 500)
    send(warehouse, rules, endpoint(here, rules))
    come(warehouse)
    with ledger.held(warehouse, "webhooks to n8n"):
        assert "another process" in webhook_tasks.retry("q1")["left"]
    here.mood = lambda asked: None
    assert webhook_tasks.retry("q2")["n8n"]["delivered"] == 1


def come(warehouse: Engine) -> None:
    """The time of every retry has come."""
    with warehouse.begin() as connection:
        connection.execute(sa.update(schema.event).values(due_at=None))
