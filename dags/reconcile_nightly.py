"""The warehouse compared with its sources, every night after the daily run: is anything missing, is anything gone?

By stream and day: how many records the source has and how many the warehouse has, and by name those that make the
difference: missing here, gone there, deleted there, another version there, people whom a system drops. Records
that came after the last run and rows in quarantine are no difference. **Fails** when something differs; it stands in
`ops.reconcile_finding`. With `repair` it is read again, or withdrawn, first. `quick` lets the CRM count itself and
reads keys only of days that differ. The steps are those of `fieldwork reconcile`.
"""

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, Param, TriggerRule, chain, dag, task

from fieldwork.orchestration import reconcile_tasks, tasks
from fieldwork.orchestration.defaults import DEFAULT_ARGS
from fieldwork.orchestration.links import with_page

#: The Airflow connection of each side (its pool has the same name), in the order of repair: people first.
SIDES = {"attendance": "fieldwork_attendance", "crm": "fieldwork_crm"}
NAMES = ["employees", "punches", "leave", "crm_users", "accounts", "visits", "tasks", "opportunities"]


@dag(
    schedule=CronTriggerTimetable("0 5 * * *", timezone="Asia/Shanghai"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=6),
    default_args=DEFAULT_ARGS,
    doc_md=__doc__,
    params={
        "since": Param(None, type=["null", "string"], format="date", description="First day; default 35 days ago"),
        "until": Param(None, type=["null", "string"], format="date", description="First day not included"),
        "streams": Param(NAMES, type="array", items={"enum": NAMES}, uniqueItems=True, description="What to compare"),
        "quick": Param(False, type="boolean", description="Let the source count where it can"),
        "repair": Param(False, type="boolean", description="Read again what is missing, withdraw what is gone"),
    },
    tags=["fieldwork", "reconciliation"],
)
def reconcile_nightly() -> None:
    @task
    def plan(run_id=None, params=None):
        return reconcile_tasks.plan(run_id, params)

    def of(side: str, function, **limits):
        conn_id = SIDES[side]

        @task(task_id=f"{function.__name__}_{side}", pool=conn_id, execution_timeout=timedelta(hours=2), **limits)
        def run(run_id=None, params=None):
            return function(run_id, conn_id, side, params)

        return run()

    def last(function, **limits):
        @task(task_id=function.__name__, **limits)
        def run(run_id=None):
            return function(run_id)

        return run()

    chain(
        with_page(plan()),
        [of(side, reconcile_tasks.compare) for side in SIDES],
        of("attendance", reconcile_tasks.repair),
        of("crm", reconcile_tasks.repair, trigger_rule=TriggerRule.NONE_FAILED),
        last(reconcile_tasks.judge, trigger_rule=TriggerRule.NONE_FAILED),
        last(tasks.finish),
    )


reconcile_nightly()
