"""Run one of our DAGs to its end without a scheduler: the demo and the end-to-end tests.

The DAG runs in a child process with real Airflow (:mod:`fieldwork.orchestration.in_process`), whose log goes to a
file; here come only progress and the outcome. Alone::

    python -m fieldwork.orchestration.dag_run performance_daily --since 2026-11-02 --until 2026-11-07
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fieldwork.errors import DagFailed
from fieldwork.orchestration.environment import airflow_home, environment
from fieldwork.settings import Settings, load
from fieldwork.steps.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a DAG run ended: Airflow's run id (the ``run_id`` of ``ops.run``) and the state of each task by its id."""

    run_id: str
    state: str
    tasks: Mapping[str, str]


def run_dag(
    dag_id: str,
    conf: Mapping[str, Any],
    *,
    settings: Settings,
    home: Path | None = None,
    progress: Progress = silent,
    retry_delay: float = 5.0,
) -> Outcome:
    """Run the DAG with these params and wait for it; ``home`` is AIRFLOW_HOME (default: in the state directory).

    ``progress`` hears what the steps report, and for the label ``dag_id`` how many tasks have ended.
    ``retry_delay`` (seconds) stands for the minutes that a scheduler would wait before it tries a task again.
    Raises DagFailed with the errors of the failed tasks, or when the process died.
    """
    home = home or airflow_home(settings)
    log = home / "logs" / f"{dag_id}.log"
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    listen, speak = os.pipe()
    order = {"dag_id": dag_id, "conf": dict(conf), "retry_delay": retry_delay, "pipe": speak}
    with log.open("ab") as out, os.fdopen(listen, encoding="utf-8") as messages:
        child = subprocess.Popen(
            [sys.executable, "-m", "fieldwork.orchestration.in_process", json.dumps(order)],
            env=os.environ | environment(settings, home),
            stdin=subprocess.PIPE, stdout=out, stderr=out, pass_fds=[speak],
        )  # fmt: skip
        os.close(speak)
        try:
            last = _listen(messages, progress)
        except BaseException:
            child.terminate()
            raise
        finally:
            code = child.wait()
    return _judge(dag_id, last, code, log)


def _listen(messages: Any, progress: Progress) -> dict[str, Any]:
    last: dict[str, Any] = {}
    for line in messages:
        message = json.loads(line)
        if "progress" in message:
            progress(*message["progress"])
        else:
            last = message
    return last


def _judge(dag_id: str, last: Mapping[str, Any], code: int, log: Path) -> Outcome:
    if "outcome" not in last:
        raise DagFailed(
            f"{dag_id} did not run: {last.get('error', f'its process ended with code {code}.')}",
            todo=f"Read the end of {log}.",
        )
    found = last["outcome"]
    if found["state"] != "success":
        errors = " ".join(f"{name}: {text}" for name, text in found["errors"].items())
        raise DagFailed(f"{dag_id} failed. {errors}", todo=f"Mend that and run it again; Airflow's log is {log}.")
    return Outcome(found["run_id"], found["state"], found["tasks"])


def main() -> None:
    """Run one DAG from the command line; one line per task that ends."""
    parser = argparse.ArgumentParser(description="Run a DAG to its end without a scheduler.")
    parser.add_argument("dag_id")
    parser.add_argument("--since", help="first day, YYYY-MM-DD")
    parser.add_argument("--until", help="first day not included")
    parser.add_argument("--dry-run", action="store_true", help="send nothing to the CRM")
    given = parser.parse_args()
    conf = {"since": given.since, "until": given.until, "dry_run": given.dry_run}

    def tell(label: str, done: int, total: int | None) -> None:
        if label == given.dag_id:
            sys.stderr.write(f"{label}: {done} of {total} tasks\n")

    try:
        outcome = run_dag(given.dag_id, conf, settings=load(), progress=tell)
    except DagFailed as error:
        sys.exit(str(error))
    sys.stdout.write(f"{outcome.run_id} {outcome.state}\n")


if __name__ == "__main__":
    main()
