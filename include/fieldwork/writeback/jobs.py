"""Many changes as one job of the CRM: noted under the job's name before it is let go, so that whoever comes after a
process that died can stop the job, or ask it what it did.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fieldwork.connectors.base import BulkTarget, RowResult
from fieldwork.errors import ApiShareUsed, TransientError
from fieldwork.failpoint import reached

from . import outbox
from .deliver import Part
from .shift import Shift

#: Receipts of one transaction.
RECEIPTS: Final = 5_000


def run_job(shift: Shift, target: BulkTarget, batch: Part) -> None:
    """Send these changes, which have been handed over, as one job; wait for it and note the answers.

    Raises the target's typed error; the changes then stay handed over, with the job's name if it has one.
    """
    reached("before_send")
    try:
        job = target.submit(shift.kind, batch.rows)
    except ApiShareUsed:
        with shift.engine.begin() as connection:
            outbox.release(connection, batch.ids)
        raise
    reached("after_job_made")
    with shift.engine.begin() as connection:
        outbox.note_job(connection, batch.ids, job)
    reached("after_job_noted")
    answers = _collect(shift, target, job, batch.rows.column("key").to_pylist())
    reached("after_send_before_receipt")
    _settle(shift, batch.ids, answers)


def recall_jobs(shift: Shift, target: BulkTarget) -> None:
    """Settle the jobs that a process left behind: stopped if they had not run, else asked for their results."""
    with shift.engine.connect() as connection:
        left = outbox.jobs(connection, target.system, shift.kind)
    for job, changes in left.items():
        ids = [one for one, _ in changes]
        answers = target.recall(shift.kind, job, [key for _, key in changes])
        if answers is None:
            with shift.engine.begin() as connection:
                outbox.release(connection, ids)
        else:
            _settle(shift, ids, answers)


def _collect(shift: Shift, target: BulkTarget, job: str, keys: Sequence[str]) -> Sequence[RowResult]:
    """The job's answers; asked again while the CRM does not tell them."""
    tried = 1
    while True:
        try:
            return target.collect(shift.kind, job, keys)
        except TransientError:
            if tried >= shift.patience.tries:
                raise
        shift.patience.wait(tried)
        tried += 1


def _settle(shift: Shift, ids: Sequence[int], answers: Sequence[RowResult]) -> None:
    for first in range(0, len(ids), RECEIPTS):
        shift.settle(ids[first : first + RECEIPTS], answers[first : first + RECEIPTS])
