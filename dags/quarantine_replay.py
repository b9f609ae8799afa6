"""Quarantined rows go through again: check, load, build, audit, publish, as if they had never been bad.

Without params: what was mended (`fieldwork quarantine edit`). Params choose others, e.g. the `new` rows of a rule that
was corrected. **Rehearse** with `dry_run`: judged, loaded, counted, taken back. With `approval` the run waits for an
answer under *Required Actions*; refused or unanswered for a day, nothing is done. Rows that are still bad come back
with what is wrong. The steps are those of `fieldwork quarantine replay`.
"""

from datetime import timedelta

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param, TriggerRule, chain, dag, task

from fieldwork.orchestration import replay_tasks, tasks
from fieldwork.orchestration.assets import PUBLISHED
from fieldwork.orchestration.defaults import DEFAULT_ARGS
from fieldwork.orchestration.links import with_page

STREAMS = ["employees", "crm_users", "accounts", "punches", "leave", "visits", "tasks", "opportunities"]
OPEN = ["new", "held", "mended"]


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=30),
    default_args=DEFAULT_ARGS,
    doc_md=__doc__,
    params={
        "ids": Param([], type="array", items={"type": "integer"}, description="Rows by number"),
        "streams": Param([], type="array", items={"enum": STREAMS}, uniqueItems=True, description="Of these streams"),
        "rules": Param([], type="array", items={"type": "string"}, description="That broke these rules"),
        "statuses": Param([], type="array", items={"enum": OPEN}, description="Of these statuses; default mended"),
        "dry_run": Param(False, type="boolean", description="Count, and take everything back"),
        "approval": Param(False, type="boolean", description="Ask a person before anything is loaded"),
        "write_back": Param(False, type="boolean", description="Tell the CRM at once, not with the next daily run"),
    },
    tags=["fieldwork", "quarantine"],
)
def quarantine_replay() -> None:
    @task
    def choose(run_id=None, params=None, dag_run=None):
        return replay_tasks.choose(run_id, params, dag_run.triggering_user_name)

    @task.branch
    def ask(params=None):
        return "approve" if params["approval"] and not params["dry_run"] else "replay"

    approve = ApprovalOperator(
        task_id="approve", defaults="Reject", response_timeout=timedelta(days=1), subject="Replay quarantined rows?",
        body="By stream: {{ ti.xcom_pull(task_ids='choose')['streams'] }}. `fieldwork quarantine list` shows the rows.",
    )  # fmt: skip

    @task(trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)  # approve may be passed over
    def replay(run_id=None, dag_run=None, ti=None):
        return replay_tasks.replay(run_id, dag_run.triggering_user_name, ti.xcom_pull(task_ids="approve"))

    def step(function, **limits):
        @task(task_id=function.__name__, **limits)
        def run(run_id=None, params=None):
            return replay_tasks.unless_left_out(function, run_id, params)

        return run()

    chain(
        with_page(choose()),
        asked := ask(),
        approve,
        again := replay(),
        step(tasks.build),
        step(tasks.audit),
        step(tasks.publish, outlets=PUBLISHED),
        step(tasks.write_back, pool="fieldwork_crm"),
        step(tasks.finish, trigger_rule=TriggerRule.NONE_FAILED),  # also when nothing was done, or it was refused
    )
    asked >> again


quarantine_replay()
