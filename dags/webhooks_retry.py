"""Events for middleware that could not be delivered are tried again between the daily runs, every quarter of an hour.

Only what waits and is due is sent: events whose retry has come, an endpoint that has rested or was enabled again, dead
letters that were put back in line (`fieldwork webhooks replay`). What was published since is noted by the daily run.
The DAG is paused until you want it: without an endpoint it has nothing to do. The same by hand: `fieldwork webhooks
send`. How it stands: `fieldwork webhooks status`; what was sent: `ops.webhook_event`.
"""

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag, task

from fieldwork.orchestration import webhook_tasks
from fieldwork.orchestration.defaults import DEFAULT_ARGS


@dag(
    schedule=CronTriggerTimetable("*/15 * * * *", timezone="Asia/Shanghai"),
    catchup=False,
    is_paused_upon_creation=True,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=1),
    default_args=DEFAULT_ARGS,
    doc_md=__doc__,
    tags=["fieldwork", "webhooks"],
)
def webhooks_retry() -> None:
    @task(execution_timeout=timedelta(minutes=30))
    def retry(run_id=None):
        return webhook_tasks.retry(run_id)

    retry()


webhooks_retry()
