"""What the task of ``webhooks_retry`` does; the daily run tells the endpoints by itself (``webhooks.told_too``)."""

from __future__ import annotations

from fieldwork.orchestration import reporting, tasks, webhooks
from fieldwork.orchestration.tasks import Counts


def retry(run_id: str) -> Counts:
    """Deliver what waits and is due. Skips itself when nothing is, and when another process is at an endpoint."""
    from airflow.sdk.exceptions import AirflowSkipException

    from fieldwork.errors import Fenced
    from fieldwork.steps.webhooks import is_due, send_waiting

    engine, settings = tasks.open_warehouse()
    due = [target for target in webhooks.open_webhooks(settings) if is_due(engine, target)]
    if not due:
        raise AirflowSkipException("No event waits whose time has come.")
    try:
        return send_waiting(engine, settings, due, run_id=run_id, progress=reporting.current())
    except Fenced as error:
        raise AirflowSkipException(error.happened) from error
