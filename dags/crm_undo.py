"""One write batch is taken back, once a person has agreed: what stood in the CRM before it stands there again.

Trigger it with `batch`, a number from `fieldwork crm batches`. The task `approve` then waits in Airflow's pages
(Required Actions) for an answer; its text says how many records would be put back or deleted. *Reject* ends the run
with nothing done, and so does silence for three days. What people edited since is spared and listed in `ops.conflict`;
what was taken back is not sent again until its value changes or the undo is lifted (`fieldwork crm undo --lift`). The
undo is a batch itself: it can be undone. The same from the command line: `fieldwork crm undo`.
"""

from datetime import timedelta

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param, chain, dag, task

from fieldwork.orchestration import tasks
from fieldwork.orchestration.defaults import DEFAULT_ARGS

QUESTION = (
    "{% set told = ti.xcom_pull(task_ids='rehearse') %}"
    "Batch {{ told.batch }} ({{ told.kind }}): **{{ told.put_back }}** records would be put back as they were and "
    "**{{ told.delete }}** that it made would be deleted. {{ told.left }} are left alone: later batches wrote to them, "
    "or they were taken back before. What people edited since is spared."
)


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(days=4),
    default_args=DEFAULT_ARGS,
    doc_md=__doc__,
    params={
        "batch": Param(type="integer", minimum=1, description="The batch to take back, from fieldwork crm batches")
    },
    tags=["fieldwork", "by hand"],
)
def crm_undo() -> None:
    @task
    def rehearse(params=None):
        return tasks.rehearse_undo(params["batch"])

    approve = ApprovalOperator(
        task_id="approve",
        subject="Take write batch {{ params.batch }} back?",
        body=QUESTION,
        defaults=ApprovalOperator.REJECT,
        response_timeout=timedelta(days=3),
    )

    @task(pool="fieldwork_crm", execution_timeout=timedelta(hours=2))
    def undo(run_id=None, params=None):
        return tasks.crm_undo(run_id, params["batch"])

    chain(rehearse(), approve, undo())


crm_undo()
