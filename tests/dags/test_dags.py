"""The DAGs as Airflow loads them: these alone, with no network, connections or heavy libraries, and wired like this."""

from __future__ import annotations

from typing import Any

import pytest

from fieldwork.settings import ROOT
from fieldwork.streams import STREAMS
from tests.orchestration.airflow_process import run_python

DESCRIBE = """
from airflow.dag_processing.dagbag import DagBag

bag = DagBag()
TIMES = ("expression", "timezone")

def task(t):
    return {
        "downstream": sorted(t.downstream_task_ids),
        "pool": t.pool,
        "retries": t.retries,
        "policy": type(t.retry_policy).__name__,
        "timeout": t.execution_timeout and t.execution_timeout.total_seconds(),
        "kind": t.task_type,
        "answer_within": (lambda limit: limit and limit.total_seconds())(getattr(t, "response_timeout", None)),
        "answer_by_default": getattr(t, "defaults", None),
        "rule": str(t.trigger_rule.value),
        "outlets": [o.name for o in t.outlets],
        "failure_callbacks": len(t.on_failure_callback),
        "owner": t.owner,
    }

def describe(d):
    return {
        "timetable": [type(d.timetable).__name__, *(str(getattr(d.timetable, n, "")) for n in TIMES)],
        "catchup": d.catchup,
        "max_active_runs": d.max_active_runs,
        "dagrun_timeout": d.dagrun_timeout.total_seconds(),
        "tags": sorted(d.tags),
        "doc": d.doc_md,
        "params": {
            name: [param.resolve(suppress_exception=True), param.schema]
            for name in d.params
            for param in [d.params.get_param(name)]
        },
        "tasks": {t.task_id: task(t) for t in d.tasks},
    }

answer({
    "errors": bag.import_errors,
    "dags": {dag_id: describe(d) for dag_id, d in bag.dags.items()},
    "heavy": [m for m in ("great_expectations", "pandas", "pyarrow", "scipy", "numpy", "psycopg") if m in sys.modules],
})
"""

EXTRACTS = {
    "extract_employees", "extract_punches", "extract_leave", "extract_crm_users", "extract_accounts",
    "extract_visits", "extract_tasks", "extract_opportunities",
}  # fmt: skip


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """All DAG files, loaded by a fresh Airflow that has no connections and no network."""
    home = tmp_path_factory.mktemp("airflow")
    env = {
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
    }
    return run_python(DESCRIBE, home, env, network=False)


@pytest.fixture
def daily(loaded: Any) -> Any:
    return loaded["dags"]["performance_daily"]


def test_exactly_these_dags_and_no_errors(loaded: Any) -> None:
    assert set(loaded["dags"]) == {"performance_daily", "crm_undo", "quarantine_replay", "reconcile_nightly"}
    assert loaded["errors"] == {}


def test_every_file_holds_the_dag_it_is_named_after_in_eighty_lines(loaded: Any) -> None:
    files = list((ROOT / "dags").glob("*.py"))
    assert {path.stem for path in files} == set(loaded["dags"])
    assert [path.name for path in files if len(path.read_text(encoding="utf-8").splitlines()) > 80] == []


def test_loading_brings_in_nothing_heavy(loaded: Any) -> None:
    assert loaded["heavy"] == []


def test_every_dag_is_limited_and_explained(loaded: Any) -> None:
    for dag in loaded["dags"].values():
        assert (dag["catchup"], dag["max_active_runs"]) == (False, 1)
        assert dag["dagrun_timeout"] > 0
        assert "fieldwork" in dag["tags"]
        assert len(dag["doc"]) > 200


def test_every_task_has_retries_a_policy_a_timeout_and_tells_when_it_failed(loaded: Any) -> None:
    for dag in loaded["dags"].values():
        for name, task in dag["tasks"].items():
            assert (task["retries"], task["policy"], task["owner"]) == (3, "ExceptionRetryPolicy", "fieldwork"), name
            assert 0 < task["timeout"] <= 7200, name
            assert task["failure_callbacks"] == 1, name


def test_the_daily_run_is_at_half_past_two_for_the_day_before(daily: Any) -> None:
    assert daily["timetable"] == ["CronDataIntervalTimetable", "30 2 * * *", "Asia/Shanghai"]


def test_the_daily_run_is_wired_like_this(daily: Any) -> None:
    edges = {name: set(task["downstream"]) for name, task in daily["tasks"].items()}
    assert edges == {
        "plan": EXTRACTS,
        **{name: {"check"} for name in EXTRACTS},
        "check": {"load"},
        "load": {"build"},
        "build": {"audit"},
        "audit": {"publish"},
        "publish": {"write_back"},
        "write_back": {"finish"},
        "finish": set(),
    }


def test_whoever_calls_a_system_waits_in_its_pool(daily: Any) -> None:
    pools = {name: task["pool"] for name, task in daily["tasks"].items() if task["pool"] != "default_pool"}
    sides = {"attendance": "fieldwork_attendance", "crm": "fieldwork_crm"}
    assert pools == {f"extract_{name}": sides[stream.side] for name, stream in STREAMS.items()} | {
        "write_back": "fieldwork_crm"
    }


def test_the_check_runs_when_streams_were_left_out_and_not_when_one_failed(daily: Any) -> None:
    assert daily["tasks"]["check"]["rule"] == "none_failed"
    assert {task["rule"] for name, task in daily["tasks"].items() if name != "check"} == {"all_success"}


def test_publishing_announces_the_joined_datasets(daily: Any) -> None:
    assert {name: task["outlets"] for name, task in daily["tasks"].items() if task["outlets"]} == {
        "publish": ["fieldwork.attendance_day", "fieldwork.visit_check", "fieldwork.performance_day"]
    }


def test_the_params_say_what_they_take(daily: Any) -> None:
    params = {
        name: (value, schema.get("type"), schema.get("format")) for name, (value, schema) in daily["params"].items()
    }
    assert params == {
        "since": (None, ["null", "string"], "date"),
        "until": (None, ["null", "string"], "date"),
        "streams": (params["streams"][0], "array", None),
        "full": (False, "boolean", None),
        "dry_run": (False, "boolean", None),
        "accept_mass_change": (False, "boolean", None),
    }
    assert set(params["streams"][0]) == set(STREAMS)
    assert set(daily["params"]["streams"][1]["items"]["enum"]) == set(STREAMS)


@pytest.fixture
def replay(loaded: Any) -> Any:
    return loaded["dags"]["quarantine_replay"]


def test_a_replay_is_started_by_hand_and_wired_like_this(replay: Any) -> None:
    assert replay["timetable"][0] == "NullTimetable"
    assert {name: set(task["downstream"]) for name, task in replay["tasks"].items()} == {
        "choose": {"ask"},
        "ask": {"approve", "replay"},
        "approve": {"replay"},
        "replay": {"build"},
        "build": {"audit"},
        "audit": {"publish"},
        "publish": {"write_back"},
        "write_back": {"finish"},
        "finish": set(),
    }
    rules = {name: task["rule"] for name, task in replay["tasks"].items() if task["rule"] != "all_success"}
    assert rules == {"replay": "none_failed_min_one_success", "finish": "none_failed"}
    assert replay["tasks"]["write_back"]["pool"] == "fieldwork_crm"
    assert {name for name, task in replay["tasks"].items() if task["outlets"]} == {"publish"}
    defaults = {name: value for name, (value, _) in replay["params"].items()}
    assert defaults == {
        "ids": [], "streams": [], "rules": [], "statuses": [], "dry_run": False, "approval": False, "write_back": False,
    }  # fmt: skip
    assert set(replay["params"]["streams"][1]["items"]["enum"]) == set(STREAMS)


def test_the_comparison_is_at_five_after_the_daily_run_and_wired_like_this(loaded: Any) -> None:
    dag = loaded["dags"]["reconcile_nightly"]
    assert dag["timetable"] == ["CronTriggerTimetable", "0 5 * * *", "Asia/Shanghai"]
    assert {name: set(task["downstream"]) for name, task in dag["tasks"].items()} == {
        "plan": {"compare_attendance", "compare_crm"},
        "compare_attendance": {"repair_attendance"},
        "compare_crm": {"repair_attendance"},
        "repair_attendance": {"repair_crm"},
        "repair_crm": {"judge"},
        "judge": {"finish"},
        "finish": set(),
    }
    pools = {name: task["pool"] for name, task in dag["tasks"].items() if task["pool"] != "default_pool"}
    assert pools == {
        f"{what}_{side}": f"fieldwork_{side}" for what in ("compare", "repair") for side in ("attendance", "crm")
    }
    rules = {name: task["rule"] for name, task in dag["tasks"].items() if task["rule"] != "all_success"}
    assert rules == {"repair_crm": "none_failed", "judge": "none_failed"}
    assert set(dag["params"]["streams"][0]) == set(STREAMS)
    assert {name: dag["params"][name][0] for name in ("since", "until", "quick", "repair")} == {
        "since": None, "until": None, "quick": False, "repair": False,
    }  # fmt: skip


def test_an_undo_is_ordered_by_hand_and_waits_for_a_person(loaded: Any) -> None:
    undo = loaded["dags"]["crm_undo"]
    assert undo["timetable"][0] == "NullTimetable"
    assert {name: set(task["downstream"]) for name, task in undo["tasks"].items()} == {
        "rehearse": {"approve"},
        "approve": {"undo"},
        "undo": set(),
    }
    approve = undo["tasks"]["approve"]
    assert (approve["kind"], approve["answer_by_default"]) == ("ApprovalOperator", ["Reject"])
    assert 0 < approve["answer_within"] < undo["dagrun_timeout"]
    assert {name: task["pool"] for name, task in undo["tasks"].items()} == {
        "rehearse": "default_pool",
        "approve": "default_pool",
        "undo": "fieldwork_crm",
    }
    batch, schema = undo["params"]["batch"]
    assert (batch, schema["type"], schema["minimum"]) == (None, "integer", 1)
