"""The whole journey, every night: what was punched and what the CRM says, checked, joined, published, written back.

Without params a run is about the day before; attendance is read again three days back. **Backfill**: trigger with
`since` and `until` (the first day *not* included). **Rehearse**: `dry_run` counts what the CRM would get and sends
nothing. Any run may be repeated: the same facts change nothing. What a run did stands in the warehouse: `ops.run`,
`ops.step`, `ops.batch`; rows set aside: `ops.quarantine`. The steps are those of `fieldwork run`.
"""

from datetime import timedelta

from airflow.sdk import CronDataIntervalTimetable, Param, TriggerRule, chain, dag, task

from fieldwork.orchestration import tasks
from fieldwork.orchestration.assets import PUBLISHED
from fieldwork.orchestration.defaults import DEFAULT_ARGS
from fieldwork.orchestration.links import with_page

#: The Airflow connection of each outside system (its pool has the same name) and the streams read from it.
STREAMS = {
    "fieldwork_attendance": ["employees", "punches", "leave"],
    "fieldwork_crm": ["crm_users", "accounts", "visits", "tasks", "opportunities"],
}
NAMES = [name for names in STREAMS.values() for name in names]


@dag(
    schedule=CronDataIntervalTimetable("30 2 * * *", timezone="Asia/Shanghai"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=6),
    default_args=DEFAULT_ARGS,
    doc_md=__doc__,
    params={
        "since": Param(None, type=["null", "string"], format="date", description="First day; default the day before"),
        "until": Param(None, type=["null", "string"], format="date", description="First day not included"),
        "streams": Param(NAMES, type="array", items={"enum": NAMES}, uniqueItems=True, description="What to read"),
        "full": Param(False, type="boolean", description="Read the CRM from the beginning, not since the last run"),
        "dry_run": Param(False, type="boolean", description="Send nothing to the CRM"),
        "accept_mass_change": Param(False, type="boolean", description="Write although unusually many records change"),
    },
    tags=["fieldwork", "daily"],
)
def performance_daily() -> None:
    @task
    def plan(run_id=None, params=None, data_interval_start=None, data_interval_end=None):
        interval = (data_interval_start, data_interval_end) if data_interval_start else None
        return tasks.plan(run_id, params, interval)

    def extract(stream: str, conn_id: str):
        @task(task_id=f"extract_{stream}", pool=conn_id, execution_timeout=timedelta(hours=2))
        def run(run_id=None, params=None):
            return tasks.extract(run_id, stream, conn_id, params)

        return run()

    def step(function, **limits):
        @task(task_id=function.__name__, **limits)
        def run(run_id=None):
            return function(run_id)

        return run()

    @task(pool="fieldwork_crm")
    def write_back(run_id=None, params=None):
        return tasks.write_back(run_id, accept_mass_change=params["accept_mass_change"])

    chain(
        with_page(plan()),
        [extract(stream, conn_id) for conn_id, streams in STREAMS.items() for stream in streams],
        step(tasks.check, trigger_rule=TriggerRule.NONE_FAILED),  # streams left out are skipped
        step(tasks.load),
        step(tasks.build),
        step(tasks.audit),
        step(tasks.publish, outlets=PUBLISHED),
        write_back(),
        with_page(step(tasks.finish)),
    )


performance_daily()
