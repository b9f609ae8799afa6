"""What the task of ``webhooks_retry`` does; the daily run tells the endpoints by itself (``webhooks.told_too``)."""

from __future__ import annotations

from fieldwork.orchestration import reporting, tasks, webhooks
from fieldwork.orchestration.tasks import Counts


def retry(run_id: str) -> Counts:
    """Deliver what waits and is due; numbers by endpoint, none when nothing is.

    An endpoint that another process is at is left to it (``left``).
    """
    from fieldwork.errors import Fenced
    from fieldwork.steps.webhooks import is_due, send_waiting

    engine, settings = tasks.open_warehouse()
    due = [target for target in webhooks.open_webhooks(settings) if is_due(engine, target)]
    try:
        return send_waiting(engine, settings, due, run_id=run_id, progress=reporting.current())
    except Fenced as error:
        return {"left": error.happened}
