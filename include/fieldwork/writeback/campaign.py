"""One sending to one CRM, all kinds together: recover what was left, fill the outbox, share out the calls, send, close.

The same for the difference of a run and for an undo; the caller holds the write-back lock of the CRM.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import sqlalchemy as sa

from fieldwork.connectors.base import CrmTarget
from fieldwork.errors import ApiShareUsed
from fieldwork.failpoint import reached
from fieldwork.settings import Settings

from . import batches, budget, difference, fields, guard, live, marks, outbox
from .compare import Rules
from .difference import Difference
from .send import Errand, recover, send
from .shift import COUNTS, Patience

#: Hears a label, units done, units in all.
Tell = Callable[[str, int, int | None], None]

NOTHING: Final[dict[str, int | None]] = {
    **dict.fromkeys(COUNTS, 0), "waiting": 0, "batch": None, "predicted_calls": 0, "used_calls": 0,
}  # fmt: skip


class Campaign:
    """What one run sends of these kinds (none given: of those that the settings name); ``batches`` are its own."""

    def __init__(
        self, engine: sa.Engine, settings: Settings, target: CrmTarget, run_id: str, kinds: Sequence[str] = ()
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._target = target
        self._run_id = run_id
        rules = settings.section("write_back")
        self._patience = Patience(rules["tries"], rules["retry_seconds"])
        self._kinds = tuple(kinds) or fields.kinds(settings)
        self._allowed: int | None = None
        self._asked = False
        self.batches: dict[str, int] = {}
        #: send the changes of this batch alone; None: all that wait
        self.only: int | None = None

    # --- what an earlier process left

    def recover(self) -> None:
        """Settle what was handed over without an answer, and close the batches that were left open."""
        system = self._target.system
        for kind in self._kinds:
            with self._engine.connect() as connection:
                handed_over = outbox.count(connection, outbox.of(system, kind, "sending"))
            if handed_over:
                with contextlib.suppress(ApiShareUsed):  # what is not read back today is tomorrow
                    self._recover_kind(kind, handed_over)
        with self._engine.begin() as connection:
            for batch in batches.left_open(connection, system):
                batches.end(connection, batch)
            for kind in self._kinds:
                live.clear(connection, system, kind)

    def _recover_kind(self, kind: str, handed_over: int) -> None:
        """Reading back takes calls too: they are counted in a batch of their own."""
        with self._engine.begin() as connection:
            batch = batches.begin(
                connection, run_id=self._run_id, system=self._target.system, kind=kind, purpose="recover"
            )
        with self._counted(batch):
            self._ask_quota()
            page = self._target.page_size(kind, _KEY_BYTES)
            recover(self._engine, self._target, self._errand(kind, handed_over, page), self._patience)

    # --- filling the outbox

    def enqueue(self, *, accept_mass_change: bool, everything: bool) -> dict[str, Difference]:
        """The difference of every kind into the outbox, in one transaction; raises MassChange with nothing written."""
        system, staged = self._target.system, {}
        reached("before_outbox")
        with self._engine.begin() as connection:
            for kind in self._kinds:
                staged[kind] = difference.stage(connection, self._settings, system, kind, everything=everything)
                if not accept_mass_change:
                    guard.check(connection, self._settings, system, kind, staged[kind])
                outbox.tidy(connection, system, kind)
                if staged[kind].to_send:
                    batch = batches.begin(connection, run_id=self._run_id, system=system, kind=kind)
                    records = outbox.enqueue(connection, run_id=self._run_id, batch=batch, system=system, kind=kind)
                    self.fill(connection, kind, batch, records)
            reached("mid_outbox_tx")
        reached("after_outbox")
        return staged

    def fill(self, connection: sa.Connection, kind: str, batch: int, records: int) -> None:
        """The outbox holds the batch's changes; one without any leaves nothing behind."""
        if records:
            batches.fill(connection, batch, records)
            self.batches[kind] = batch
        else:
            batches.drop_empty(connection, batch)

    # --- sending

    def send(self, tell: Tell) -> dict[str, dict[str, Any]]:
        """Send what waits of every kind, within the day's calls; closes the batches, also when it fails."""
        found: dict[str, dict[str, Any]] = {kind: NOTHING | {"batch": self.batches.get(kind)} for kind in self._kinds}
        with self._engine.connect() as connection:
            concerned = batches.of(connection, sa.or_(sa.false(), *map(self._waiting, self._kinds)))
        if not concerned:
            return found
        try:
            share = self._share_out(self.batches.get(self._kinds[0]) or concerned[0])
            for kind in self._kinds:
                found[kind]["predicted_calls"] = share.calls[kind]
                if share.rows[kind]:
                    found[kind] |= self._send_kind(kind, share, self.batches.get(kind) or concerned[0], tell)
                with self._engine.connect() as connection:
                    waiting = outbox.count(connection, self._waiting(kind))
                found[kind]["waiting"] = waiting - found[kind]["pending"]
        finally:
            reached("before_batch_close")
            with self._engine.begin() as connection:
                for batch in sorted({*concerned, *self.batches.values()}):
                    batches.end(connection, batch)
        return found

    def _waiting(self, kind: str) -> sa.ColumnElement[bool]:
        return outbox.of(self._target.system, kind, "pending", self.only)

    def _share_out(self, batch: int) -> budget.Share:
        """What may be sent now, by how many calls are left; asking for that is counted in ``batch``."""
        with self._counted(batch):
            self._ask_quota()
        with self._engine.begin() as connection:
            share = budget.share_out(connection, self._target, self._kinds, self._allowed, self.only)
            if self._allowed is not None:  # the call that asked
                share.calls[self._kinds[0]] += 1
            for kind, mine in self.batches.items():
                batches.predict(connection, mine, share.calls[kind])
        return share

    def _send_kind(self, kind: str, share: budget.Share, batch: int, tell: Tell) -> dict[str, int]:
        def progress(done: int, total: int) -> None:
            tell(f"write back {kind}", done, total)

        before = self._target.calls
        with self._counted(batch) as count:
            self._target.preflight(kind)
            errand = self._errand(kind, share.rows[kind], share.pages[kind])
            counts = send(self._engine, self._target, errand, self._patience, progress, count)
        return {**counts, "used_calls": self._target.calls - before}

    @contextlib.contextmanager
    def _counted(self, batch: int) -> Iterator[Callable[[], None]]:
        """Calls made inside are noted with the batch: at the end, and whenever the function that is given is called."""
        noted = self._target.calls

        def note() -> None:
            nonlocal noted
            made, noted = self._target.calls - noted, self._target.calls
            if made:
                with self._engine.begin() as connection:
                    batches.spend(connection, batch, made)

        try:
            yield note
        finally:
            note()

    def _errand(self, kind: str, most: int, page: int) -> Errand:
        rules = Rules(
            ours=fields.ours(self._settings, kind),
            creates=self._target.creates(kind),
            marks=fields.marks(self._settings, self._target.system, kind),
        )
        return Errand(kind, rules, marks.mapping(self._settings, self._target.system, kind), most, page, self.only)

    def _ask_quota(self) -> None:
        """Ask the CRM once how many calls are left, and make no more than our share of them."""
        if self._asked:
            return
        self._asked = True
        self._target.allow(None)
        with self._engine.begin() as connection:
            self._allowed = budget.allowance(connection, self._settings, self._target)
        self._target.allow(self._allowed)


#: A guess at a key's length, for reading back what a process that died left.
_KEY_BYTES: Final = 40
