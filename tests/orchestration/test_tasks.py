"""What a task hands to Airflow: counts and ids, never a sample of what is said about people."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from fieldwork.orchestration import sessions, tasks
from fieldwork.settings import Settings
from tests.writeback.crm import MemoryCrm, change_visit, run, visit


@pytest.fixture
def crm(warehouse: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> MemoryCrm:
    crm = MemoryCrm()
    monkeypatch.setattr(tasks, "open_warehouse", lambda: (warehouse, settings))
    monkeypatch.setattr(sessions, "open_target", lambda _settings: crm)
    return crm


def test_a_rehearsal_hands_over_numbers_and_keeps_its_sample_in_the_warehouse(
    warehouse: Engine, crm: MemoryCrm
) -> None:
    visit(warehouse, "v1")
    told = tasks.write_back(run(warehouse, dry_run=True))
    assert told["visit"]["to_send"] == 1
    assert "v1" not in str(told)
    with warehouse.connect() as connection:
        kept = connection.exec_driver_sql("select result -> 'visit' -> 'sample' ->> 'v1' from ops.step").scalar_one()
    assert "verified" in kept


def test_a_run_and_an_undo_hand_over_numbers(warehouse: Engine, crm: MemoryCrm) -> None:
    visit(warehouse, "v1")
    assert tasks.write_back(run(warehouse))["visit"]["accepted"] == 1
    change_visit(warehouse, "v1", minutes_off=9)
    batch = tasks.write_back(run(warehouse, "r2"))["visit"]["batch"]
    planned = tasks.rehearse_undo(batch)
    assert (planned["put_back"], "v1" in str(planned)) == (1, False)
    undone = tasks.crm_undo("u1", batch)
    assert (undone["accepted"], "v1" in str(undone)) == (1, False)
