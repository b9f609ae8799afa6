"""Send the pending changes of one kind: batches in parallel, one receipt a row, a few tries for what may pass.

Nothing is lost when this stops anywhere: what has no receipt is still pending, the next run sends it again by external
id, and the CRM ends up the same.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pyarrow as pa
import sqlalchemy as sa

from fieldwork.connectors.base import CrmTarget, RowResult
from fieldwork.errors import BadResponse, TransientError
from fieldwork.failpoint import reached

from . import outbox, receipts


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a call or a row is tried, and the seconds before the second try; each further wait is twice as long."""

    tries: int
    seconds: float

    def wait(self, tried: int) -> None:
        """Sleep after try number ``tried``."""
        time.sleep(self.seconds * 2 ** (tried - 1))


def send(
    engine: sa.Engine,
    target: CrmTarget,
    kind: str,
    fields: Sequence[str],
    patience: Patience,
    progress: Callable[[int, int], None],
) -> Counter[str]:
    """Send what is pending: numbers of ``sent``, ``accepted``, ``created``, ``rejected`` and ``pending`` rows.

    ``pending`` rows were refused for now, every time; the next run sends them again. A row that is refused for good
    stops no other. ``progress`` hears rows done and rows in all. Raises the target's typed error when a whole call
    failed for good, or transiently too often: calls under way are finished and noted first, no new one is started.
    """
    with engine.connect() as connection:
        waiting = outbox.pending(connection, target.system, kind)
    shift = _Shift(engine, target, kind, tuple(fields), patience, progress, total=len(waiting))
    progress(0, len(waiting))
    for tried in range(1, patience.tries + 1):
        waiting = shift.round(waiting)
        if not waiting:
            break
        if tried < patience.tries:
            patience.wait(tried)
    shift.counts["pending"] = len(waiting)
    return shift.counts


@dataclass(slots=True)
class _Shift:
    """One kind's sending: what its threads share."""

    engine: sa.Engine
    target: CrmTarget
    kind: str
    fields: tuple[str, ...]
    patience: Patience
    progress: Callable[[int, int], None]
    total: int
    counts: Counter[str] = field(default_factory=lambda: Counter(sent=0, accepted=0, created=0, rejected=0, pending=0))
    lock: threading.Lock = field(default_factory=threading.Lock)
    stop: threading.Event = field(default_factory=threading.Event)

    def round(self, ids: Sequence[int]) -> list[int]:
        """Send these once, ``target.parallel`` batches at a time; the ids that may succeed later."""
        size = self.target.batch_size
        batches = [ids[start : start + size] for start in range(0, len(ids), size)]
        with ThreadPoolExecutor(max(1, self.target.parallel), thread_name_prefix=f"write-back-{self.kind}") as pool:
            futures = [pool.submit(self._batch, batch) for batch in batches]
        return [outbox_id for future in futures for outbox_id in future.result()]

    def _batch(self, ids: Sequence[int]) -> list[int]:
        if self.stop.is_set():
            return []
        try:
            with self.engine.connect() as connection:
                rows = outbox.rows(connection, self.kind, self.fields, ids)
            answers = self._call(rows)
            reached("after_send_before_receipt")
            with self.engine.begin() as connection:
                receipts.settle(connection, ids, answers)
            reached("after_receipt")
        except BaseException:
            self.stop.set()
            raise
        self._count(answers)
        return [outbox_id for outbox_id, answer in zip(ids, answers, strict=True) if not receipts.is_final(answer)]

    def _call(self, rows: pa.Table) -> Sequence[RowResult]:
        tried = 1
        while True:
            try:
                return _checked(rows, self.target.upsert(self.kind, rows))
            except TransientError:
                if tried >= self.patience.tries or self.stop.is_set():
                    raise
            self.patience.wait(tried)
            tried += 1

    def _count(self, answers: Sequence[RowResult]) -> None:
        final = [answer for answer in answers if receipts.is_final(answer)]
        accepted = [answer for answer in final if answer.ok]
        with self.lock:
            self.counts["sent"] += len(final)
            self.counts["accepted"] += len(accepted)
            self.counts["created"] += sum(answer.created for answer in accepted)
            self.counts["rejected"] += len(final) - len(accepted)
            self.progress(self.counts["sent"], self.total)


def _checked(rows: pa.Table, answers: Sequence[RowResult]) -> Sequence[RowResult]:
    """The answers, if there is one a row in the order of the rows; a receipt on the wrong record would hide a loss."""
    if [answer.key for answer in answers] != rows.column("key").to_pylist():
        raise BadResponse(
            f"The CRM gave {len(answers)} answers to {rows.num_rows} rows, or in another order.",
            todo="Nothing was noted; the rows are sent again. If it stays, the connector does not fit this CRM.",
        )
    return answers
