"""SIGKILL at every named point, the n-th time it is reached, for n = 1, 2, 3 … until a run ends without being killed.

After each kill a person edits records, and the same is given again: what is wanted stands in the CRM, each write of
ours was executed once, and no edit was overwritten.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine, text

from fieldwork.settings import Settings
from tests.e2e.test_kill import POINTS as ALL_POINTS

from .conftest import empty
from .forking import Forks, forks
from .world import World, world

#: The points of write-back; the others belong to the steps before it.
POINTS = ALL_POINTS[ALL_POINTS.index("before_outbox") :]
JOBS = {"after_job_made", "after_job_noted"}
VISITS, DAYS = 6, 6


@pytest.fixture(scope="module")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    with forks(tmp_path_factory.mktemp("forks") / "log") as started:
        yield started


class Case:
    """One world, and write-backs in processes of their own."""

    def __init__(self, here: World, forked: Forks, database_url: str, home: Path, *, jobs: bool) -> None:
        self.here, self.forked = here, forked
        self.order: dict[str, Any] = {
            "home": str(home), "warehouse": database_url, "crm": here.sandbox.crm_url, "batch_size": 4,
            "config": {"write_back": {"retry_seconds": 0}, "salesforce": {"bulk_from": 1 if jobs else 0}},
        }  # fmt: skip

    def run(self, failpoint: str | None = None, **more: Any) -> int:
        return self.forked.write_back(**self.order, run_id=f"r{failpoint}", failpoint=failpoint, **more)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("point", POINTS)
def test_killed_and_given_again_each_effect_is_there_once(
    warehouse: Engine, settings: Settings, database_url: str, forked: Forks, tmp_path: Path, point: str
) -> None:
    for n in range(1, 40):
        empty(warehouse)
        with world(warehouse, settings, visits_count=VISITS, days=DAYS) as here:
            if not _killed(Case(here, forked, database_url, tmp_path, jobs=point in JOBS), f"{point}:{n}"):
                assert n > 1, f"{point} is never reached"
                return
    raise AssertionError(f"{point} is reached for ever")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("point", ["after_send_before_receipt:2", "after_job_noted:1"])
def test_killed_once_and_given_again_each_effect_is_there_once(
    warehouse: Engine, settings: Settings, database_url: str, forked: Forks, tmp_path: Path, point: str
) -> None:
    with world(warehouse, settings, visits_count=VISITS, days=DAYS) as here:
        assert _killed(Case(here, forked, database_url, tmp_path, jobs=point.partition(":")[0] in JOBS), point)


def _killed(case: Case, failpoint: str) -> bool:
    """A run that changes all records is killed at the point, people edit, and it is given again; False: it ended by
    itself. Either way all is well afterwards.
    """
    assert case.run() == 0
    case.here.restate()
    status = case.run(failpoint)
    assert status in (0, -signal.SIGKILL)
    edits = _people_edit(case.here)
    assert case.run() == 0
    _all_is_well(case.here, edits)
    return status != 0


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("point", ["after_live_read", "before_send", "after_send_before_receipt", "mid_receipt_tx"])
def test_an_undo_that_was_killed_and_given_again_is_whole(
    warehouse: Engine, settings: Settings, database_url: str, forked: Forks, tmp_path: Path, point: str
) -> None:
    for n in range(1, 20):
        empty(warehouse)
        with world(warehouse, settings, visits_count=VISITS, days=DAYS) as here:
            case = Case(here, forked, database_url, tmp_path, jobs=False)
            assert case.run() == 0
            before = {kind: here.records(kind) for kind in ("visit", "performance")}
            here.restate()
            assert case.run() == 0
            with warehouse.connect() as connection:
                newest = sa.text("select kind, max(write_batch_id) from ops.write_batch group by kind")
                batches = dict(connection.execute(newest).tuples().all())
            status = case.run(f"{point}:{n}", undo=batches["visit"])
            assert case.run(undo=batches["visit"]) == 0
            assert case.run(undo=batches["performance"]) == 0
            assert {kind: here.records(kind) for kind in before} == before
            if status == 0:
                assert n > 1
                return
            assert status == -signal.SIGKILL
    raise AssertionError(f"{point} is reached for ever")


@dataclass
class Edits:
    """What people typed: visit, our field, value. ``stands``: what must stand there in the end."""

    visit_id: str
    name: str
    stands: Any


def _people_edit(here: World) -> list[Edits]:
    """Somebody edits two visits. In the second one they put back what stood before our last write: if that write was
    executed, this is an edit like any other; if it was not, nothing was changed and ours is still to come.
    """
    stood, intended = here.ours("visit")["00U0001"], here.intended("visit")["00U0001"]
    old = intended["checkin_minutes_off"] % 10
    executed = stood["checkin_minutes_off"] == intended["checkin_minutes_off"]
    here.sandbox.edit("Event", "00U0000", Checkin_Reason__c="I was there!", Checkin_Minutes_Off__c=77)
    here.sandbox.edit("Event", "00U0001", Checkin_Minutes_Off__c=old)
    return [
        Edits("00U0000", "checkin_reason", "I was there!"),
        Edits("00U0000", "checkin_minutes_off", 77),
        Edits("00U0001", "checkin_minutes_off", old if executed else intended["checkin_minutes_off"]),
    ]


def _all_is_well(here: World, edits: list[Edits]) -> None:
    with here.engine.connect() as connection:
        waiting = connection.execute(text("select count(*) from ops.outbox where state in ('pending', 'sending')"))
        open_ = connection.execute(text("select count(*) from ops.write_batch where state = 'open'"))
        staged = connection.execute(text("select count(*) from pg_tables where schemaname = 'staging'"))
        sent = set(connection.execute(text("select idempotency_key from ops.outbox where state = 'sent'")).scalars())
        assert (waiting.scalar_one(), open_.scalar_one(), staged.scalar_one()) == (0, 0, 0)
    executed = here.executed()
    assert max(executed.values()) == 1, "a write was executed twice"
    assert set(executed) == sent, "every write that was executed has its receipt, and no other"
    assert here.ours("performance") == here.intended("performance")
    stands, wanted = here.ours("visit"), here.intended("visit")
    for edit in edits:
        assert stands[edit.visit_id][edit.name] == edit.stands, edit
        del stands[edit.visit_id][edit.name], wanted[edit.visit_id][edit.name]
    assert stands == wanted
