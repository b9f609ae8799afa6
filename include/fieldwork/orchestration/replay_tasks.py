"""What the tasks of ``quarantine_replay`` do; build, audit, publish and write-back are those of the daily run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fieldwork.orchestration import reporting, tasks
from fieldwork.orchestration.tasks import Counts


def choose(run_id: str, params: Mapping[str, Any], asked_by: str | None) -> Counts:
    """Note the rows that the params mean; skips itself, and so all that follows, when there are none."""
    from airflow.sdk.exceptions import AirflowSkipException

    from fieldwork.quality.choice import Choice
    from fieldwork.steps.replay import choose as step_

    engine, settings = tasks.open_warehouse()
    choice = Choice.of(
        ids=params["ids"], streams=params["streams"], rules=params["rules"], statuses=params["statuses"]
    )  # fmt: skip
    found = step_(
        engine, settings, run_id=run_id, choice=choice, who=_who(asked_by, None), dry_run=bool(params["dry_run"])
    )
    if not found["rows"]:
        raise AirflowSkipException("No quarantined row is meant by the params.")
    return found


def replay(run_id: str, asked_by: str | None, answer: Mapping[str, Any] | None) -> Counts:
    """Check and load the rows; ``answer`` is what the approval task was told."""
    from fieldwork.steps.replay import replay as step_

    engine, settings = tasks.open_warehouse()
    who = _who(asked_by, ((answer or {}).get("responded_by_user") or {}).get("name"))
    return step_(engine, settings, run_id=run_id, who=who, progress=reporting.current())


def unless_left_out(step: Callable[[str], Counts], run_id: str, params: Mapping[str, Any]) -> Counts:
    """The step, unless the params leave it out: a rehearsal publishes nothing, the CRM is told when wanted."""
    from airflow.sdk.exceptions import AirflowSkipException

    if step is tasks.write_back and not params["write_back"]:
        raise AirflowSkipException("The CRM is told by the next daily run.")
    if step is not tasks.finish and params["dry_run"]:
        raise AirflowSkipException("This is a rehearsal.")
    return step(run_id)


def _who(asked_by: str | None, approved_by: str | None) -> str:
    asker = asked_by or "Airflow"
    return f"{asker}, approved by {approved_by}" if approved_by else asker
