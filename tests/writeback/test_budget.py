"""Calls are predicted before the first one, a share of the day's is never exceeded, and what waits goes in order."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.connectors.base import RowResult
from fieldwork.errors import MassChange
from fieldwork.settings import Settings, merge
from fieldwork.steps.write_back import rehearse, send_difference, write_back
from fieldwork.warehouse.schema import mart, write

from .crm import MemoryCrm, change_visit, day, later, run, told, visit


def with_rules(settings: Settings, **rules: Any) -> Settings:
    return replace(settings, config=merge(settings.config, {"write_back": rules}))


def calls(engine: Engine) -> list[tuple[int, int]]:
    """Predicted and used calls of every batch, oldest first."""
    b = write.write_batch.c
    with engine.connect() as connection:
        query = sa.select(b.predicted_calls, b.used_calls).order_by(b.write_batch_id)
        return [tuple(row) for row in connection.execute(query)]


def test_the_prediction_is_what_is_used(warehouse: Engine, settings: Settings) -> None:
    for n in range(9):
        visit(warehouse, f"v{n}")
        day(warehouse, f"E{n}")
    crm = MemoryCrm()
    crm.granted = 1000
    done = write_back(warehouse, settings, crm, run_id=run(warehouse))
    assert calls(warehouse) == [(1 + 3 + 5, 1 + 3 + 5), (3 + 5, 3 + 5)]
    assert crm.calls == 17
    assert (done["visit"]["predicted_calls"], done["performance"]["used_calls"]) == (9, 8)


def test_what_does_not_fit_waits_and_goes_next_time_corrections_first_then_newest_days(
    warehouse: Engine, settings: Settings
) -> None:
    crm = MemoryCrm()
    crm.batch_size = 1
    crm.parallel = 1
    first = date(2026, 10, 1)
    for n in range(3):
        visit(warehouse, f"known{n}", work_date=first + timedelta(days=n))
    write_back(warehouse, settings, crm, run_id=run(warehouse))
    for n in range(3):
        change_visit(warehouse, f"known{n}", minutes_off=5)
    for n in range(4):
        visit(warehouse, f"new{n}", work_date=first + timedelta(days=n))
    day(warehouse, "E1", first + timedelta(days=30))
    crm.writes.clear()
    half = with_rules(settings, api_share=0.5)
    spent = sum(used for _, used in calls(warehouse))
    crm.granted = 2 * (spent + 1 + 7)  # asking, then 2 reads and 5 writes

    done = write_back(warehouse, half, crm, run_id=run(warehouse, "r2"))

    assert [keys[0] for _, keys in crm.writes] == ["known2", "known1", "known0", "new3", "E1:2026-10-31"]
    assert told(done) == {
        "visit": {"sent": 4, "accepted": 4, "created": 1, "waiting": 3},
        "performance": {"sent": 1, "accepted": 1, "created": 1},
    }, "the newest day goes before older new visits"
    assert sum(used for _, used in calls(warehouse)) <= crm.granted // 2

    crm.writes.clear()
    crm.granted = 10_000
    rest = write_back(warehouse, half, crm, run_id=run(warehouse, "r3"))
    assert sum(counts.get("waiting", 0) for counts in told(rest).values()) == 0
    assert len(crm.records) == 8
    with warehouse.connect() as connection:
        assert connection.execute(sa.text("select count(*) from ops.outbox where state = 'pending'")).scalar_one() == 0


def test_the_share_is_not_exceeded_by_tries_either(warehouse: Engine, settings: Settings) -> None:
    """Locks make more calls than were predicted: at the last allowed one it stops, and nothing is lost."""
    for n in range(6):
        visit(warehouse, f"v{n}")
    crm = MemoryCrm()
    crm.answer = lambda kind, key: RowResult(key, ok=False, code="UNABLE_TO_LOCK_ROW", retryable=True)
    crm.granted = 14
    done = write_back(warehouse, with_rules(settings, api_share=0.5), crm, run_id=run(warehouse))
    assert crm.calls == 7
    assert told(done)["visit"] in ({"waiting": 6}, {"pending": 6})
    crm.answer = lambda kind, key: None
    crm.granted = 1000
    done = write_back(warehouse, settings, crm, run_id=run(warehouse, "r2"))
    assert told(done)["visit"] == {"sent": 6, "accepted": 6, "created": 6}


def test_nothing_is_sent_when_nothing_is_left(warehouse: Engine, settings: Settings) -> None:
    visit(warehouse, "v1")
    crm = MemoryCrm()
    crm.granted = 1
    assert told(write_back(warehouse, settings, crm, run_id=run(warehouse)))["visit"] == {"waiting": 1}
    assert (crm.calls, crm.reads, crm.writes) == (1, [], [])


class TestMassChange:
    @pytest.fixture
    def crm(self, warehouse: Engine, settings: Settings) -> MemoryCrm:
        for n in range(10):
            visit(warehouse, f"v{n}")
        crm = MemoryCrm()
        write_back(warehouse, settings, crm, run_id=run(warehouse))
        return crm

    def change(self, warehouse: Engine, count: int) -> None:
        at = later(warehouse)
        for n in range(count):
            change_visit(warehouse, f"v{n}", minutes_off=50, published_at=at)

    def test_more_than_the_share_stops_and_asks(self, warehouse: Engine, settings: Settings, crm: MemoryCrm) -> None:
        guarded = with_rules(settings, mass_share=0.3, mass_minimum=4)
        self.change(warehouse, 4)
        calls, before = crm.calls, _outbox(warehouse)
        for attempt in range(2):
            with pytest.raises(MassChange, match=r"4 of the 10 visit records .* share of 0\.3") as raised:
                write_back(warehouse, guarded, crm, run_id=run(warehouse, f"m{attempt}"))
        assert "--accept-mass-change" in raised.value.todo
        assert (crm.calls, _outbox(warehouse)) == (calls, before)
        assert rehearse(warehouse, guarded, "salesforce")["visit"]["stopped"] == raised.value.happened
        done = send_difference(warehouse, guarded, crm, run_id="m9", accept_mass_change=True)
        assert told(done)["visit"] == {"sent": 4, "accepted": 4}

    def test_a_few_records_or_a_small_share_are_no_mass(
        self, warehouse: Engine, settings: Settings, crm: MemoryCrm
    ) -> None:
        self.change(warehouse, 3)
        for rules in ({"mass_share": 0.3, "mass_minimum": 4}, {"mass_share": 0.3, "mass_minimum": 1}):
            assert rehearse(warehouse, with_rules(settings, **rules), "salesforce")["visit"]["stopped"] is None

    def test_new_records_are_no_change(self, warehouse: Engine, settings: Settings, crm: MemoryCrm) -> None:
        for n in range(20):
            visit(warehouse, f"new{n}")
        guarded = with_rules(settings, mass_share=0.1, mass_minimum=1)
        assert told(write_back(warehouse, guarded, crm, run_id=run(warehouse, "m1")))["visit"]["created"] == 20

    def test_an_empty_source_stops_and_asks(self, warehouse: Engine, settings: Settings, crm: MemoryCrm) -> None:
        with warehouse.begin() as connection:
            connection.execute(sa.delete(mart.visit_check))
        with pytest.raises(MassChange, match="Nothing is published"):
            write_back(warehouse, settings, crm, run_id=run(warehouse, "m1"))
        assert told(send_difference(warehouse, settings, crm, run_id="m2", accept_mass_change=True))["visit"] == {}


def _outbox(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(write.outbox)).scalar_one()
