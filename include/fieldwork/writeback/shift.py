"""What the threads of one kind's sending share: the CRM, the rules, the count of what became of each change."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import sqlalchemy as sa

from fieldwork.connectors.base import CrmTarget, RowResult
from fieldwork.failpoint import reached

from . import outbox, receipts
from .compare import Compared, Rules, compare, executed
from .live import LiveTable


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a call or a row is tried, and the seconds before the second try; each further wait is twice as long."""

    tries: int
    seconds: float

    def wait(self, tried: int) -> None:
        """Sleep after try number ``tried``."""
        time.sleep(self.seconds * 2 ** (tried - 1))


#: What :attr:`Shift.counts` holds; ``sent`` = ``accepted`` + ``rejected``.
COUNTS = (
    "sent", "accepted", "created", "deleted", "rejected", "recovered", "same", "kept", "gone", "conflicts", "pending",
)  # fmt: skip


@dataclass(slots=True)
class Shift:
    """One kind's sending. ``fields`` is the mapping as text; ``total`` the changes that ``progress`` counts up to."""

    engine: sa.Engine
    target: CrmTarget
    kind: str
    rules: Rules
    fields: str
    patience: Patience
    stage: LiveTable
    progress: Callable[[int, int], None]
    total: int
    counts: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(COUNTS, 0)))
    #: changes that were refused for now
    left: list[int] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    stop: threading.Event = field(default_factory=threading.Event)
    #: some of the changes are of an undo
    takes_back: bool = False
    #: why it stopped: the first error; those that followed are its consequences
    cause: BaseException | None = None

    def give_up(self, error: BaseException) -> None:
        """Let no other batch begin, and remember the first reason."""
        with self.lock:
            if not self.stop.is_set():
                self.cause = error
                self.stop.set()

    def compare(self, ids: Sequence[int], live: pa.Table) -> Compared:
        """Judge these changes against the live values, hand over what is to be sent, settle the rest."""
        with self.engine.begin() as connection:
            found = compare(connection, self.stage, ids, live, self.rules)
            reached("mid_compare_tx")
        with self.lock:
            self.takes_back = self.takes_back or found.takes_back
            self.counts.update(found.settled)
            self.counts["conflicts"] += found.conflicts
            self._tell()
        return found

    def settle(
        self, ids: Sequence[int], answers: Sequence[RowResult], *, deletes: bool = False, recovered: bool = False
    ) -> None:
        """Receipts for these answers, in one transaction; rows that were refused for now are left for another round.

        The transaction is not waited for: receipts that a crash of the server takes are found by reading back.
        """
        with self.engine.begin() as connection:
            connection.execute(sa.select(sa.func.set_config("synchronous_commit", "off", True)))
            receipts.settle(connection, ids, answers, self.fields, takes_back=self.takes_back)
            reached("mid_receipt_tx")
        reached("after_receipt")
        final = [answer for answer in answers if receipts.is_final(answer)]
        accepted = [answer for answer in final if answer.ok]
        with self.lock:
            self.counts["sent"] += len(final)
            self.counts["accepted"] += len(accepted)
            self.counts["created"] += sum(answer.created for answer in accepted)
            self.counts["rejected"] += len(final) - len(accepted)
            self.counts["deleted"] += len(accepted) if deletes else 0
            self.counts["recovered"] += len(accepted) if recovered else 0
            self.left += [one for one, answer in zip(ids, answers, strict=True) if not receipts.is_final(answer)]
            self._tell()

    def read_back(self, ids: Sequence[int]) -> tuple[list[int], pa.Table]:
        """What the CRM executed of changes that were never answered gets its receipt; the rest, with live values."""
        with self.engine.connect() as connection:
            facts = outbox.facts(connection, ids)
        live = self.target.current(self.kind, [fact.key for fact in facts.values()])
        with self.engine.begin() as connection:
            done = executed(connection, self.stage, ids, live)
        for deletes in (False, True):
            some = [one for one in done if facts[one].deletes is deletes]
            if some:
                created = {one: not facts[one].existed and not deletes for one in some}
                answers = [RowResult(facts[one].key, True, created=created[one], crm_id=done[one]) for one in some]
                self.settle(some, answers, deletes=deletes, recovered=True)
        return [one for one in ids if one not in done], live

    def _tell(self) -> None:
        settled = ("sent", "same", "kept", "gone")
        self.progress(min(self.total, sum(self.counts[name] for name in settled)), self.total)
