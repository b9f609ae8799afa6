"""A DAG in one go: what tasks do with errors, and what the caller hears."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.errors import DagFailed
from fieldwork.orchestration.dag_run import run_dag
from fieldwork.orchestration.environment import environment
from fieldwork.settings import Settings, load
from fieldwork.warehouse.schema import ops

from .airflow_process import run_python

TOYS = """
from airflow.sdk import dag, task
from fieldwork.errors import ConfigError, SourceUnavailable
from fieldwork.orchestration import reporting
from fieldwork.orchestration.defaults import DEFAULT_ARGS

def mine():
    return {name: value for name, value in DEFAULT_ARGS.items() if name != "on_failure_callback"}

@dag(schedule=None, default_args=mine())
def toys():
    @task
    def passes(run_id=None, ti=None):
        reporting.current()("toy", 1, 2)
        if ti.try_number == 1:
            raise SourceUnavailable("Busy.", todo="Wait.")
        return {"rows": 2}

    @task
    def stays(ti=None):
        raise ConfigError(f"Wrong at try {ti.try_number}.", todo="Mend it.")

    @task
    def slips(ti=None):
        return {}[f"person {ti.try_number}"]

    passes() >> [stays(), slips()]

toys()
"""

RUN = """
from datetime import timedelta
from fieldwork.errors import ConfigError
from fieldwork.orchestration import in_process, pools

said = []
done = in_process.execute("toys", {}, progress=lambda *a: said.append(a), retry_delay=timedelta(0))
try:
    in_process.execute("nothing", {}, progress=lambda *a: None, retry_delay=timedelta(0))
except ConfigError as error:
    missing = str(error)

from airflow.models.pool import Pool
Pool.create_or_update_pool("fieldwork_crm", slots=5, description="ours", include_deferred=False)
made = pools.ensure_pools()
answer({"done": done, "said": said, "missing": missing, "made": made,
        "pools": {p.pool: p.slots for p in Pool.get_pools()}})
"""


def test_a_passing_error_is_tried_again_and_a_lasting_one_or_a_mistake_is_not(tmp_path: Path) -> None:
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "toys.py").write_text(TOYS, encoding="utf-8")
    settings = load({"FIELDWORK_HOME": str(tmp_path / "home")})
    variables = environment(settings, tmp_path / "airflow") | {"AIRFLOW__CORE__DAGS_FOLDER": str(dags)}

    found = run_python(RUN, tmp_path / "airflow", variables)

    assert found["done"]["state"] == "failed"
    assert found["done"]["tasks"] == {"passes": "success", "stays": "failed", "slips": "failed"}
    assert found["done"]["errors"] == {
        "stays": "[ConfigError] Wrong at try 1. What to do: Mend it.",
        "slips": "KeyError",
    }
    assert found["said"] == [["toy", 1, 2], ["toy", 1, 2], ["toys", 1, 3]]
    assert "no DAG nothing among 1" in found["missing"]
    assert found["made"] == []
    assert {name: found["pools"][name] for name in ("fieldwork_attendance", "fieldwork_crm")} == {
        "fieldwork_attendance": 1,
        "fieldwork_crm": 5,
    }


def test_a_failed_run_names_its_error_here_and_in_the_warehouse(
    settings: Settings, warehouse: Engine, tmp_path: Path
) -> None:
    nothing = tmp_path / "connections.json"
    nothing.write_text(json.dumps({}), encoding="utf-8")
    settings = replace(settings, connections=nothing)
    heard = []

    with pytest.raises(DagFailed, match="no Airflow connection fieldwork_attendance"):
        run_dag(
            "performance_daily",
            {"since": "2020-11-02", "until": "2020-11-03", "streams": ["employees"]},
            settings=settings,
            progress=lambda *said: heard.append(said),
        )

    assert ("performance_daily", 1, 16) in heard
    with warehouse.connect() as connection:
        run = connection.execute(sa.select(ops.run)).one()
    assert (run.state, run.streams) == ("failed", ["employees"])
    assert run.error.startswith("[ConfigError] There is no Airflow connection")
    assert run.run_id.startswith("manual__")


def test_a_wrong_param_is_refused_before_anything_is_planned(settings: Settings, warehouse: Engine) -> None:
    with pytest.raises(DagFailed, match="param streams: 'invoices' is not one of"):
        run_dag("performance_daily", {"streams": ["invoices"]}, settings=settings)
    with warehouse.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(ops.run)).scalar_one() == 0
