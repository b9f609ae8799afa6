"""Execute one of our DAGs, whole, in this process, with real Airflow and no scheduler (``DAG.test``).

The other side is :mod:`fieldwork.orchestration.dag_run`, which starts this as a child (Airflow logs to the standard
streams of whoever runs it), with ``environment()`` set, and listens: one JSON line per message on the descriptor that
it names, ``{"progress": [label, done, total]}`` now and then, and at the end ``{"outcome": …}`` or ``{"error": …}``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import IO, Any, Final

from fieldwork.errors import ConfigError, FieldworkError
from fieldwork.orchestration import reporting
from fieldwork.orchestration.callbacks import describe
from fieldwork.orchestration.metadata import prepare_metadata
from fieldwork.steps.progress import Progress

#: Seconds between two messages about the same label; the last one of each is always sent.
PAUSE: Final = 0.1


def execute(dag_id: str, conf: Mapping[str, Any], *, progress: Progress, retry_delay: timedelta) -> dict[str, Any]:
    """Run the DAG with these params to its end: ``run_id``, ``state``, ``tasks`` (state by task id), ``errors``.

    Makes or upgrades Airflow's metadata and the pools first. ``retry_delay`` is the wait before another try of a task.
    Raises ConfigError when there is no such DAG or it cannot be loaded.
    """
    from airflow.sdk.exceptions import ParamValidationError

    prepare_metadata()
    dag = _load(dag_id)
    errors: dict[str, str] = {}
    ended: list[str] = []

    def tick(context: Mapping[str, Any]) -> None:
        ended.append(context["ti"].task_id)
        progress(dag_id, len(ended), len(dag.tasks))

    def remember(context: Mapping[str, Any]) -> None:
        errors[context["ti"].task_id] = describe(context.get("exception"))

    for task in dag.tasks:
        task.on_success_callback = [*task.on_success_callback, tick]
        task.on_skipped_callback = [*task.on_skipped_callback, tick]
        task.on_failure_callback = [*task.on_failure_callback, remember]
        task.retry_delay, task.retry_exponential_backoff = retry_delay, 0
    try:
        with reporting.instead(progress):
            run = dag.test(run_conf=dict(conf))
    except ParamValidationError as error:
        why = str(error).splitlines()[0]
        raise ConfigError(f"{dag_id} does not take these params. {why}", todo="Mend the param it names.") from None
    states = {instance.task_id: str(instance.state) for instance in run.get_task_instances()}
    return {"run_id": run.run_id, "state": str(run.state), "tasks": states, "errors": errors}


def _load(dag_id: str) -> Any:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag()
    if dag_id not in bag.dags:
        raise ConfigError(
            f"There is no DAG {dag_id} among {len(bag.dags)} loaded from {bag.dag_folder}; "
            f"{len(bag.import_errors)} files could not be loaded.",
            todo="Run `airflow dags list-import-errors`.",
        )
    return bag.dags[dag_id]


def _sender(pipe: IO[str]) -> Callable[..., None]:
    def send(**message: Any) -> None:
        pipe.write(json.dumps(message) + "\n")
        pipe.flush()

    return send


def _throttled(send: Callable[..., None]) -> Progress:
    said: dict[str, float] = {}

    def progress(label: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if done == total or now - said.get(label, 0.0) >= PAUSE:
            said[label] = now
            send(progress=[label, done, total])

    return progress


def _end_with_parent() -> None:
    """Nobody listens any more once standard input ends: stop, rather than change a warehouse behind people's backs."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> int:
    """The child's side of :func:`fieldwork.orchestration.dag_run.run_dag`; the order is one JSON argument."""
    order = json.loads(sys.argv[1])
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with os.fdopen(order["pipe"], "w", encoding="utf-8") as pipe:
        send = _sender(pipe)
        try:
            send(
                outcome=execute(
                    order["dag_id"],
                    order["conf"],
                    progress=_throttled(send),
                    retry_delay=timedelta(seconds=order["retry_delay"]),
                )
            )
        except FieldworkError as error:
            send(error=str(error))
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
