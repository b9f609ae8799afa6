"""SIGKILL while webhooks are sent: every event is acted upon once, in order, and at most those under way come twice.

And the commands about webhooks, given as a person gives them.
"""

from __future__ import annotations

import json
import re
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.connectors.loopback import Reply
from tests.connectors.receiver import SECRET, Receiver, receiver
from tests.steps.middleware import events, published, republish

from .forked import command

#: Each with how often it may be reached before it fires.
POINTS = ["webhook_after_note", "webhook_before_send", "webhook_after_send", "webhook_after_settle"]
PEOPLE, DAYS, PARALLEL = 3, 3, 2


@dataclass
class Desk:
    """Where somebody sits who gives the commands."""

    context: ForkServerContext
    home: Path
    url: str
    here: Receiver

    def webhooks(self, *arguments: str, **environment: str) -> int:
        base = {
            "FIELDWORK_HOME": str(self.home), "FIELDWORK_WAREHOUSE_URL": self.url, "FIELDWORK_FAILPOINT": "",
            "FIELDWORK_CONFIG": str(self.home / "own.toml"), "FIELDWORK_NOW": "2026-11-03T02:30:00+08:00",
        }  # fmt: skip
        return command(self.context, ["webhooks", *arguments], base | environment, self.home / "log")

    def said(self, *arguments: str) -> str:
        """What a command that works prints."""
        (self.home / "log").unlink(missing_ok=True)
        code = self.webhooks(*arguments)
        text = (self.home / "log").read_text()
        assert code == 0, text
        return text


@pytest.fixture
def desk(tmp_path: Path, database_url: str, zygote: ForkServerContext) -> Iterator[Desk]:
    with receiver() as here:
        (tmp_path / "own.toml").write_text(
            f'[webhooks]\nallow_networks = ["127.0.0.0/8"]\nretry_seconds = [0.05, 0.1]\nrun_minutes = 0.2\n'
            f'[[webhook]]\nname = "n8n"\nconnection = "fieldwork_webhook"\nurl = "{here.url}"\n'
            f'secrets = ["{SECRET}"]\nsince = 2026-11-01\nparallel = {PARALLEL}\n'
        )
        yield Desk(zygote, tmp_path, database_url, here)


def _right(desk: Desk, warehouse: Engine) -> None:
    told = events(warehouse)
    assert {event["state"] for event in told} == {"delivered"} and len(told) == PEOPLE * DAYS
    for n in range(PEOPLE):
        theirs = [event["event_id"] for event in told if event["employee_id"] == f"E{n + 1}"]
        assert [int(number) for number in desk.here.of(f"E{n + 1}")] == theirs
    assert {event.get_id() for event in desk.here.acted} == {event["webhook_id"] for event in told}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_sender_loses_nothing_and_repeats_what_was_under_way(
    desk: Desk, warehouse: Engine, point: str
) -> None:
    published(warehouse, PEOPLE, DAYS)
    assert desk.webhooks("send", FIELDWORK_FAILPOINT=point if point == POINTS[0] else f"{point}:4") == -signal.SIGKILL
    assert desk.webhooks("send") == 0
    _right(desk, warehouse)
    repeated = [number for number in Counter(desk.here.ids()).values() if number > 1]
    assert len(repeated) <= PARALLEL and set(repeated) <= {2}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("point", POINTS[1:])
def test_killed_later_and_later_until_a_run_ends_by_itself(desk: Desk, warehouse: Engine, point: str) -> None:
    published(warehouse, PEOPLE, DAYS)
    killed = 0
    while (code := desk.webhooks("send", FIELDWORK_FAILPOINT=f"{point}:{killed + 1}")) == -signal.SIGKILL:
        killed += 1
    assert code == 0 and killed >= 3
    _right(desk, warehouse)
    assert max(Counter(desk.here.ids()).values()) <= killed + 1


@pytest.mark.timeout(120)
def test_the_commands_tell_send_and_replay(desk: Desk, warehouse: Engine) -> None:
    published(warehouse, 2, 2)
    assert "took the event" in desk.said("test", "n8n")
    assert desk.here.acted.pop().get_type() == "fieldwork.webhook.test.v1"
    assert re.search(r"n8n +4", desk.said("send", "--dry-run"))
    desk.here.mood = lambda asked: Reply(b"", 422) if asked.json()["data"]["key"] == "E1:2026-11-03" else None
    assert re.search(r"n8n +4 +3 +1 +0 +0", desk.said("send"))
    (stands,) = json.loads(desk.said("status", "--json"))
    assert (stands["endpoint"], stands["host"], stands["state"]) == ("n8n", "127.0.0.1", "on")
    assert (stands["waiting"], stands["delivered"], stands["dead"]) == (0, 3, 1)
    (letter,) = json.loads(desk.said("dead", "--json"))
    assert (letter["key"], letter["problem"], letter["overtaken"]) == ("E1:2026-11-03", "HTTP 422", False)
    desk.here.mood = lambda asked: None
    assert "1 events of n8n wait again" in desk.said("replay", "n8n")
    assert re.search(r"n8n +0 +1 +0 +0 +0", desk.said("send", "--endpoint", "n8n"))
    assert "There is no dead letter" in desk.said("dead")
    assert desk.said("secret").startswith("whsec_") and "whpk_" in desk.said("secret", "--pair")
    desk.here.mood = lambda asked: Reply(b"", 410)
    republish(warehouse, "E1", visits_done=1)
    desk.said("send")
    assert "off" in desk.said("status") and "it is gone" in desk.said("status")
    assert "n8n is on" in desk.said("enable", "n8n")
    desk.here.mood = lambda asked: Reply(b"", 503)
    assert desk.webhooks("test", "n8n") == 1 and "HTTP 503" in (desk.home / "log").read_text()
    assert desk.webhooks("send", "--endpoint", "nobody") == desk.webhooks("enable", "nobody") == 2
    assert "path-canary" not in (desk.home / "log").read_text()
