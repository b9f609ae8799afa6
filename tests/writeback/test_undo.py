"""A batch is taken back: what stood before stands again, people's later edits stay, nothing is sent anew by itself."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.errors import ConfigError, Fenced, SourceUnavailable
from fieldwork.settings import Settings
from fieldwork.steps.crm_undo import crm_undo, rehearse_undo
from fieldwork.steps.write_back import write_back
from fieldwork.warehouse import ledger
from fieldwork.warehouse.schema import ops, write
from fieldwork.writeback import undo as undoing

from .crm import MemoryCrm, change_visit, day, receipt, run, told, visit


@pytest.fixture
def crm() -> MemoryCrm:
    return MemoryCrm()


class Runs:
    """Runs and undoes against one CRM."""

    def __init__(self, engine: Engine, settings: Settings, crm: MemoryCrm) -> None:
        self.engine, self.settings, self.crm = engine, settings, crm
        self.number = 0

    def run(self) -> dict[str, Any]:
        """What a run says of visits, its batch with it."""
        self.number += 1
        done = write_back(self.engine, self.settings, self.crm, run_id=run(self.engine, f"r{self.number}"))
        return {**told(done)["visit"], "batch": done["visit"]["batch"]}

    def undo(self, number: int) -> dict[str, Any]:
        """What an undo says, its batch with it."""
        self.number += 1
        done = crm_undo(self.engine, self.settings, self.crm, number=number, run_id=f"u{self.number}")
        return {**told({"visit": done})["visit"], "batch": done["batch"]}

    def state(self) -> dict[Any, Any]:
        return {key: (dict(record), self.crm.write_keys.get(key)) for key, record in self.crm.records.items()}


@pytest.fixture
def runs(warehouse: Engine, settings: Settings, crm: MemoryCrm) -> Runs:
    """Three visits are in the CRM."""
    for n in range(3):
        visit(warehouse, f"v{n}")
    runs = Runs(warehouse, settings, crm)
    assert runs.run() == {"sent": 3, "accepted": 3, "created": 3, "batch": 1}
    return runs


def test_changed_fields_are_put_back_and_not_sent_again(runs: Runs, warehouse: Engine, crm: MemoryCrm) -> None:
    before = runs.state()
    change_visit(warehouse, "v0", minutes_off=7)
    change_visit(warehouse, "v1", verdict="off_schedule", minutes_off=8)
    batch = runs.run()["batch"]
    assert runs.state() != before

    undone = runs.undo(batch)

    assert undone == {"undoes": batch, "kind": "visit", "sent": 2, "accepted": 2, "batch": 3}
    assert runs.state() == before, "byte for byte, the name of the last write too"
    assert receipt(warehouse, "visit", "v1")["parked"] == {"checkin_minutes_off": 8, "checkin_verdict": "off_schedule"}
    assert runs.run() == {"batch": None}
    change_visit(warehouse, "v1")
    assert runs.run() == {"parked": 1, "batch": None}
    assert runs.state() == before


def test_what_was_undone_is_sent_when_its_value_changes_and_the_rest_when_it_does(
    runs: Runs, warehouse: Engine, crm: MemoryCrm
) -> None:
    change_visit(warehouse, "v1", verdict="off_schedule", minutes_off=8)
    runs.undo(runs.run()["batch"])
    change_visit(warehouse, "v1", minutes_off=9)
    assert runs.run() == {"sent": 1, "accepted": 1, "batch": 4}
    assert (crm.records["visit", "v1"]["checkin_minutes_off"], crm.records["visit", "v1"]["checkin_verdict"]) == (
        9, "verified",
    ), "the verdict is parked still"  # fmt: skip
    change_visit(warehouse, "v1", verdict="verified")
    change_visit(warehouse, "v1", verdict="out_of_range")
    runs.run()
    assert crm.records["visit", "v1"]["checkin_verdict"] == "out_of_range"


def test_a_lifted_undo_lets_it_go_again(runs: Runs, warehouse: Engine, crm: MemoryCrm) -> None:
    change_visit(warehouse, "v1", minutes_off=8)
    batch = runs.run()["batch"]
    own = runs.undo(batch)["batch"]
    with pytest.raises(ConfigError, match="no undo"):
        undoing.lift(warehouse, batch, who="tester")
    assert undoing.lift(warehouse, own, who="tester") == 1
    assert runs.run() == {"sent": 1, "accepted": 1, "batch": 4}
    assert crm.records["visit", "v1"]["checkin_minutes_off"] == 8


def test_records_that_the_batch_made_are_deleted(runs: Runs, warehouse: Engine, crm: MemoryCrm) -> None:
    assert rehearse_undo(warehouse, 1) == {
        "batch": 1, "kind": "visit", "put_back": 0, "delete": 3, "left": 0, "sample": {"v0": {}, "v1": {}, "v2": {}},
    }  # fmt: skip
    crm.edit("visit", "v2", checkin_reason="Mine now.")
    assert runs.undo(1) == {
        "undoes": 1, "kind": "visit", "sent": 2, "accepted": 2, "deleted": 2, "kept": 1, "conflicts": 1, "batch": 3,
    }  # fmt: skip
    assert set(crm.records) == {("visit", "v2")}, "what somebody edited is spared"
    change_visit(warehouse, "v0")
    assert "sent" not in runs.run(), "the deleted record is not made again"
    change_visit(warehouse, "v0", minutes_off=1)
    assert runs.run()["created"] == 1
    assert crm.records["visit", "v0"]["checkin_verdict"] == "verified", "and comes back whole when it changes"


def test_a_record_that_somebody_else_changed_last_is_not_deleted(runs: Runs, crm: MemoryCrm) -> None:
    """An edit in a field that is none of ours would be lost with the record."""
    crm.edited.add(("visit", "v0"))
    undone = runs.undo(1)
    assert (undone["deleted"], undone["kept"]) == (2, 1)
    assert set(crm.records) == {("visit", "v0")}
    assert _listed(runs.engine) == [("v0", "*", "edited")]


def test_later_edits_by_people_are_spared_and_listed(runs: Runs, warehouse: Engine, crm: MemoryCrm) -> None:
    for n in range(3):
        change_visit(warehouse, f"v{n}", verdict="off_schedule", minutes_off=7)
    batch = runs.run()["batch"]
    crm.edit("visit", "v0", checkin_minutes_off=99)
    crm.edit("visit", "v1", checkin_minutes_off=98, checkin_verdict="unverifiable")
    undone = runs.undo(batch)
    assert undone == {"undoes": batch, "kind": "visit", "sent": 2, "accepted": 2, "kept": 1, "conflicts": 3, "batch": 3}
    values = {key: (r["checkin_minutes_off"], r["checkin_verdict"]) for (_, key), r in crm.records.items()}
    assert values == {"v0": (99, "verified"), "v1": (98, "unverifiable"), "v2": (0, "verified")}
    assert _listed(warehouse) == [
        ("v0", "checkin_minutes_off", "edited"), ("v1", "checkin_minutes_off", "edited"),
        ("v1", "checkin_verdict", "edited"),
    ]  # fmt: skip


def test_what_a_later_batch_of_ours_has_written_is_left_to_its_own_undo(
    runs: Runs, warehouse: Engine, crm: MemoryCrm
) -> None:
    before = runs.state()
    change_visit(warehouse, "v0", minutes_off=7, verdict="off_schedule")
    second = runs.run()["batch"]
    change_visit(warehouse, "v0", minutes_off=8)
    third = runs.run()["batch"]
    assert runs.undo(second) == {"undoes": second, "kind": "visit", "sent": 1, "accepted": 1, "batch": 4}
    assert (crm.records["visit", "v0"]["checkin_minutes_off"], crm.records["visit", "v0"]["checkin_verdict"]) == (
        8, "verified",
    )  # fmt: skip
    assert rehearse_undo(warehouse, 1)["left"] == 1, "a record that later batches wrote to is not deleted"
    runs.undo(third)
    assert crm.records["visit", "v0"]["checkin_minutes_off"] == 7
    assert before["visit", "v0"][0] | {"checkin_minutes_off": 7} == crm.records["visit", "v0"]


def test_an_undo_can_be_undone(runs: Runs, warehouse: Engine, crm: MemoryCrm) -> None:
    change_visit(warehouse, "v0", minutes_off=7)
    second = runs.run()["batch"]
    after = runs.state()
    undo = runs.undo(second)["batch"]
    runs.undo(undo)
    assert runs.state() == after
    assert receipt(warehouse, "visit", "v0")["parked"] is None
    assert runs.run() == {"batch": None}


def test_the_undo_of_a_deletion_makes_the_record_again(runs: Runs, crm: MemoryCrm) -> None:
    whole = {key: record for key, (record, _) in runs.state().items()}
    own = runs.undo(1)["batch"]
    assert crm.records == {}
    again = runs.undo(own)
    assert (again["created"], crm.records) == (3, whole)


def test_given_twice_it_does_nothing_more(runs: Runs, warehouse: Engine, crm: MemoryCrm) -> None:
    change_visit(warehouse, "v0", minutes_off=7)
    batch = runs.run()["batch"]
    runs.undo(batch)
    calls = crm.calls
    assert runs.undo(batch) == {"undoes": batch, "kind": "visit", "batch": None}
    assert crm.calls == calls


def test_interrupted_and_given_again_it_goes_on(runs: Runs, warehouse: Engine, crm: MemoryCrm) -> None:
    before = runs.state()
    for n in range(3):
        change_visit(warehouse, f"v{n}", minutes_off=7)
    batch = runs.run()["batch"]
    crm.parallel = 1
    crm.batch_size = 1

    def down(kind: str, keys: list[str]) -> None:
        if keys == ["v1"]:
            raise SourceUnavailable("503.", todo="Wait.")

    crm.before = down
    with pytest.raises(SourceUnavailable):
        runs.undo(batch)
    crm.before = lambda kind, keys: None
    runs.undo(batch)
    assert runs.state() == before


def test_an_interrupted_undo_is_finished_by_the_next_run(runs: Runs, warehouse: Engine, crm: MemoryCrm) -> None:
    before = runs.state()
    for n in range(3):
        change_visit(warehouse, f"v{n}", minutes_off=7)
    batch = runs.run()["batch"]
    crm.before = lambda kind, keys: (_ for _ in ()).throw(SourceUnavailable("503.", todo="Wait."))
    with pytest.raises(SourceUnavailable):
        runs.undo(batch)
    crm.before = lambda kind, keys: None
    runs.run()
    assert runs.state() == before
    assert runs.run() == {"batch": None}


def test_a_change_that_waits_gives_way(runs: Runs, warehouse: Engine, crm: MemoryCrm) -> None:
    change_visit(warehouse, "v0", minutes_off=7)
    batch = runs.run()["batch"]
    change_visit(warehouse, "v0", minutes_off=8)
    crm.granted = 1
    assert runs.run()["waiting"] == 1
    crm.granted = None
    assert runs.undo(batch)["accepted"] == 1
    assert crm.records["visit", "v0"]["checkin_minutes_off"] == 0


def test_the_undo_sends_nothing_else(runs: Runs, warehouse: Engine, crm: MemoryCrm) -> None:
    change_visit(warehouse, "v0", minutes_off=7)
    batch = runs.run()["batch"]
    change_visit(warehouse, "v1", minutes_off=8)
    day(warehouse)
    crm.granted = 1
    runs.run()
    crm.granted = None
    crm.writes.clear()
    runs.undo(batch)
    assert crm.writes == [("visit", ["v0"])]


def test_a_rehearsal_says_what_it_would_do(runs: Runs, warehouse: Engine, crm: MemoryCrm) -> None:
    change_visit(warehouse, "v0", minutes_off=7)
    batch = runs.run()["batch"]
    calls, state = crm.calls, runs.state()
    told = rehearse_undo(warehouse, batch)
    assert told == {
        "batch": batch, "kind": "visit", "put_back": 1, "delete": 0, "left": 0,
        "sample": {"v0": {"checkin_minutes_off": [7, 0]}},
    }  # fmt: skip
    assert (crm.calls, runs.state()) == (calls, state)
    with warehouse.connect() as connection:
        assert connection.execute(sa.select(sa.func.max(write.write_batch.c.write_batch_id))).scalar_one() == batch


def test_the_undo_is_audited_as_a_batch_of_its_own(runs: Runs, warehouse: Engine) -> None:
    change_visit(warehouse, "v0", minutes_off=7)
    batch = runs.run()["batch"]
    runs.undo(batch)
    with warehouse.connect() as connection:
        a = ops.audit_log.c
        entry = connection.execute(sa.select(a.action, a.purpose, a.rows).order_by(a.audit_id.desc()).limit(1)).one()
    assert tuple(entry) == ("wrote to salesforce", f"undo of batch {batch}", 1)


def test_what_cannot_be_undone(runs: Runs, warehouse: Engine, settings: Settings, crm: MemoryCrm) -> None:
    with pytest.raises(ConfigError, match="no batch 99"):
        runs.undo(99)
    other = MemoryCrm()
    other.system = "hubspot"
    with pytest.raises(ConfigError, match="went to salesforce"):
        crm_undo(warehouse, settings, other, number=1, run_id="u9")
    with ledger.held(warehouse, "write back to salesforce"), pytest.raises(Fenced):
        runs.undo(1)


def _listed(engine: Engine) -> list[tuple[Any, ...]]:
    c = write.conflict.c
    with engine.connect() as connection:
        query = sa.select(c.key, c.field, c.reason).where(c.state == "open").order_by(c.key, c.field)
        return [tuple(row) for row in connection.execute(query)]
