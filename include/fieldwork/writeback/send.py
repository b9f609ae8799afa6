"""Send what waits of one kind: waves of changes, each compared with what stands in the CRM just before it goes out.

While one wave is being sent the next one is being read. Nothing is lost when this stops anywhere: what has no receipt
is still in the outbox; what was handed over without an answer is read back before anything else is done.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import sqlalchemy as sa

from fieldwork.connectors.base import BulkTarget, CrmTarget
from fieldwork.errors import ApiShareUsed
from fieldwork.failpoint import reached

from . import outbox
from .compare import Rules
from .deliver import deliver, part
from .jobs import recall_jobs, run_job
from .live import LiveTable
from .outbox import Waiting
from .shift import Patience, Shift

#: Changes of one wave: how long the CRM has been left alone since it was read is the time to send so many.
WAVE: Final = 3_200


@dataclass(frozen=True, slots=True)
class Errand:
    """What is to be sent of one kind: at most ``most`` changes, of one batch or (None) of all, by the mapping
    ``fields``; ``page`` keys are read in one call.
    """

    kind: str
    rules: Rules
    fields: str
    most: int
    page: int
    batch: int | None = None


def recover(engine: sa.Engine, target: CrmTarget, errand: Errand, patience: Patience) -> Counter[str]:
    """Settle what a process that died had handed over: read back, noted if it was executed, else waiting again.

    Raises the target's typed error; then the rest stays handed over.
    """
    with _shift(engine, target, errand, patience, lambda _done, _total: None, 0) as shift:
        shift.takes_back = True  # for all that is known here
        if isinstance(target, BulkTarget):
            recall_jobs(shift, target)
        size = max(1, WAVE // errand.page) * errand.page
        handed_over = outbox.of(target.system, errand.kind, "sending")
        for wave in outbox.waves(engine, handed_over, size=size, most=errand.most):
            rest, _ = shift.read_back([one.outbox_id for one in wave])
            with engine.begin() as connection:
                outbox.release(connection, rest)
        return shift.counts


def send(
    engine: sa.Engine,
    target: CrmTarget,
    errand: Errand,
    patience: Patience,
    progress: Callable[[int, int], None],
    after_wave: Callable[[], None],
) -> Counter[str]:
    """Send what waits; numbers of changes by what became of them (:data:`shift.COUNTS`).

    ``pending`` changes were refused for now, every time; the next run sends them again. A row that is refused for good
    stops no other. ``progress`` hears changes settled and changes in all; ``after_wave`` is called now and then.
    Raises the target's typed error when a call failed for good, or transiently too often: calls under way are finished
    and noted first, no new one is started.
    When the allowed calls are made it stops, without an error: what is left waits.
    """
    progress(0, errand.most)
    with _shift(engine, target, errand, patience, progress, errand.most) as shift:
        round_ = _Round(shift, errand, after_wave)
        with contextlib.suppress(ApiShareUsed):
            waiting = outbox.of(target.system, errand.kind, "pending", errand.batch)
            round_.go(outbox.waves(engine, waiting, size=round_.size, most=errand.most))
            for tried in range(1, patience.tries):
                if not shift.left:
                    break
                patience.wait(tried)
                again, shift.left = shift.left, []
                round_.go(_in_waves(engine, again, round_.size))
        shift.counts["pending"] = len(shift.left)
        return shift.counts


@contextlib.contextmanager
def _shift(
    engine: sa.Engine,
    target: CrmTarget,
    errand: Errand,
    patience: Patience,
    progress: Callable[[int, int], None],
    total: int,
) -> Iterator[Shift]:
    with LiveTable(engine, target.system, errand.kind) as stage:
        yield Shift(engine, target, errand.kind, errand.rules, errand.fields, patience, stage, progress, total)


def _in_waves(engine: sa.Engine, ids: Sequence[int], size: int) -> Iterator[list[Waiting]]:
    """These changes again, those that are to be sent again."""
    for first in range(0, len(ids), size):
        with engine.connect() as connection:
            facts = outbox.facts(connection, ids[first : first + size])
        yield [Waiting(one, fact.key, fact.deletes) for one, fact in facts.items()]


class _Round:
    """All waves once. Calls go out from ``target.parallel`` threads; the comparing is done here, in order."""

    def __init__(self, shift: Shift, errand: Errand, after_wave: Callable[[], None]) -> None:
        self._shift = shift
        self._after_wave = after_wave
        self._target = shift.target
        self._page = errand.page
        self._bulk: BulkTarget | None = None
        self.size = max(1, WAVE // errand.page) * errand.page
        target = shift.target
        if isinstance(target, BulkTarget) and target.bulk_from and errand.most >= target.bulk_from:
            self._bulk, self.size = target, target.bulk_size

    def go(self, waves: Iterator[list[Waiting]]) -> None:
        """Read, compare and send each wave; raises the first error once the calls under way have ended."""
        under_way: list[Future[None]] = []
        with ThreadPoolExecutor(max(1, self._target.parallel), thread_name_prefix="write-back") as pool:
            try:
                ahead = self._read(pool, next(waves, None))
                while ahead:
                    (wave, pages), ahead = ahead, None
                    live = pa.concat_tables(page.result() for page in pages)
                    reached("after_live_read")
                    for future in under_way:
                        future.result()
                    self._after_wave()
                    ahead = self._read(pool, next(waves, None))
                    under_way = self._send(pool, wave, live)
                for future in under_way:
                    future.result()
            except BaseException as error:
                self._shift.give_up(error)
                if self._shift.cause not in (None, error):
                    raise self._shift.cause from None
                raise

    def _read(
        self, pool: ThreadPoolExecutor, wave: list[Waiting] | None
    ) -> tuple[list[Waiting], list[Future[pa.Table]]] | None:
        """Begin to read the live values of a wave."""
        if not wave:
            return None
        keys = [one.key for one in wave]
        pages = [keys[first : first + self._page] for first in range(0, len(keys), self._page)]
        return wave, [pool.submit(self._target.current, self._shift.kind, page) for page in pages]

    def _send(self, pool: ThreadPoolExecutor, wave: list[Waiting], live: pa.Table) -> list[Future[None]]:
        """Compare a wave and begin to send what is left of it."""
        found = self._shift.compare([one.outbox_id for one in wave], live)
        begun = []
        for ids, deletes in ((found.deletions, True), (found.upserts, False)):
            if not ids:
                continue
            going = part(self._shift, ids, deletes=deletes)
            if self._bulk is not None and not deletes:
                begun.append(pool.submit(run_job, self._shift, self._bulk, going))
            else:
                begun += [pool.submit(deliver, self._shift, one) for one in going.cut(self._target.batch_size)]
        return begun
