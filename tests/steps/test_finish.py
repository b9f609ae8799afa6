"""finish: the run is done, and says what a person should look at: in the ledger, on the terminal, in Airflow's log."""

from __future__ import annotations

import logging

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.cli import summary
from fieldwork.cli.console import Console
from fieldwork.orchestration import tasks
from fieldwork.quality.choice import OPEN, Choice
from fieldwork.settings import Settings
from fieldwork.steps.finish import finish
from fieldwork.steps.replay import choose

from .rows import at, planned, rows_of, set_aside

WARNING = "1 quarantined rows have waited longer than quarantine_max_age_days = 14; the oldest 20 days."


@pytest.fixture
def old(warehouse: Engine, settings: Settings) -> Engine:
    """A row that has waited for twenty days."""
    punch = {"record_id": "1", "user_id": "u1", "punched_at": at("2026-11-02 09:00"), "kind": "sideways"}
    set_aside(warehouse, settings, "bad", "dingtalk", "kind_known", punches=[punch])
    with warehouse.begin() as connection:
        connection.execute(sa.text("update ops.quarantine set set_aside_at = now() - interval '20 days'"))
    return warehouse


def test_a_row_that_waited_too_long_is_a_warning_of_every_run(
    old: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    planned(old, settings, "run")
    told = finish(old, settings, run_id="run")
    assert told == {"quarantine": {"rows": 1, "oldest_days": 20}, "warnings": [WARNING]}
    assert rows_of(old, "select state, result from ops.step where step = 'finish'") == [("done", told)]
    assert rows_of(old, "select state, error from ops.run where run_id = 'run'") == [("done", None)]

    terminal = Console(record=True, width=200, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    monkeypatch.setattr(summary, "out", terminal)
    summary.show_run(old, "run")
    assert f"Warning {WARNING} fieldwork quarantine ageing tells which." in terminal.export_text()

    monkeypatch.setattr(tasks, "open_warehouse", lambda: (old, settings))
    with caplog.at_level(logging.WARNING, "fieldwork.orchestration.tasks"):
        tasks.finish("run")
    assert f"{WARNING} `fieldwork quarantine ageing` tells which." in caplog.text


def test_a_replay_that_was_refused_is_given_up(old: Engine, settings: Settings) -> None:
    choose(old, settings, run_id="asked", choice=Choice.of(statuses=OPEN), who="ann")
    assert rows_of(old, "select state from ops.batch where kind = 'replay'") == [("open",)]
    finish(old, settings, run_id="asked")
    assert rows_of(old, "select state from ops.batch where kind = 'replay'") == [("abandoned",)]
    assert rows_of(old, "select status from ops.quarantine") == [("new",)]
