"""webhooks: what the warehouse published, to the company's middleware as signed events; nothing without an endpoint.

``mart`` -> ``ops.webhook_event`` (one transaction an endpoint, before any call) -> the endpoints. Killed anywhere and
run again, it goes on with what waits; at most the events under way are sent once more, under the same ``webhook-id``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from fieldwork.connectors.webhook.base import EventTarget
from fieldwork.errors import MassChange
from fieldwork.failpoint import reached
from fieldwork.settings import Settings
from fieldwork.warehouse import ledger
from fieldwork.writeback.webhooks import changes, endpoints, queue
from fieldwork.writeback.webhooks.courier import deliver
from fieldwork.writeback.webhooks.verdict import Rules

from .progress import Progress, silent


def send_webhooks(
    engine: sa.Engine,
    settings: Settings,
    targets: Sequence[EventTarget],
    *,
    run_id: str,
    dry_run: bool | None = None,
    accept_mass_change: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Note what changed and deliver what waits, all endpoints at once; returns numbers by endpoint.

    ``events`` were noted by this run; ``delivered``, ``dead`` (dead letters) and ``failed`` (attempts) came of calls;
    ``waiting`` is left for the next run. A dry run only counts ``events``; None: as the run was planned.
    A new endpoint hears of the run's days; of today on when there is no run, only ``dry_run`` given.
    An endpoint in trouble raises nothing: its events wait. Raises MassChange, with nothing noted, when more events than
    ``[webhooks] most_events`` would go to one endpoint at once, and Fenced when another process is at an endpoint;
    the other endpoints are served first.
    """
    since = settings.now().astimezone(settings.time_zone).date()
    if dry_run is None:
        with engine.begin() as connection:
            run = ledger.read_run(connection, run_id)
        since, dry_run = run.since, run.dry_run
    table = settings.section("webhooks")
    if not dry_run:
        with engine.begin() as connection:
            queue.forget(connection, int(table["keep_days"]))
    most = None if accept_mass_change else int(table["most_events"])
    return _Work(engine, run_id, since, dry_run, most, rules(table), progress).serve_all(targets)


def send_waiting(
    engine: sa.Engine,
    settings: Settings,
    targets: Sequence[EventTarget],
    *,
    run_id: str,
    progress: Progress = silent,
) -> dict[str, Any]:
    """As :func:`send_webhooks`, but nothing new is noted: what waits is delivered. Raises Fenced."""
    work = _Work(engine, run_id, None, False, None, rules(settings.section("webhooks")), progress)
    return work.serve_all(targets)


def is_due(engine: sa.Engine, target: EventTarget) -> bool:
    """Whether an event waits for the endpoint that may be sent now."""
    with engine.connect() as connection:
        return queue.rest_s(connection, target.name) == 0


def rules(table: Mapping[str, Any]) -> Rules:
    """How ``[webhooks]`` wants failures to be met."""
    return Rules(
        retry_seconds=tuple(float(one) for one in table["retry_seconds"]),
        run_seconds=float(table["run_minutes"]) * 60,
        circuit=int(table["circuit"]),
    )


@dataclass(frozen=True, slots=True)
class _Work:
    """One call of the step: what it does for each endpoint. ``since``: first day that a new endpoint hears of; None:
    nothing new is noted, what waits is delivered.
    """

    engine: sa.Engine
    run_id: str
    since: date | None
    dry_run: bool
    most: int | None
    rules: Rules
    progress: Progress

    def serve_all(self, targets: Sequence[EventTarget]) -> dict[str, Any]:
        """Serve all endpoints at once, noted in ``ops.step``; the errors of some are raised when all were served."""
        if not targets:
            return {}
        with ledger.step(self.engine, self.run_id, "webhooks") as result:
            with ThreadPoolExecutor(len(targets), thread_name_prefix="webhooks") as pool:
                futures = {target.name: pool.submit(self.serve, target) for target in targets}
            result.update({name: future.result() for name, future in futures.items() if not future.exception()})
            for future in futures.values():
                future.result()
            return result

    def serve(self, target: EventTarget) -> dict[str, Any]:
        """Note and deliver for one endpoint; its numbers."""
        if self.dry_run:
            with self.engine.connect() as connection, connection.begin() as transaction:
                noted = self._note(connection, target)
                transaction.rollback()
            return {"dry_run": True, "events": noted}
        with ledger.held(self.engine, f"webhooks to {target.name}"):
            with self.engine.begin() as connection:
                noted = self._note(connection, target)
            reached("webhook_after_note")

            def tell(done: int, total: int) -> None:
                self.progress(f"webhooks {target.name}", done, total)

            return {"events": noted, **deliver(self.engine, target, self.rules, tell)}

    def _note(self, connection: sa.Connection, target: EventTarget) -> int:
        """Fill the outbox of one endpoint. One that is off hears, when it is on again, of what changed meanwhile."""
        if self.since is None:
            return 0
        standing = endpoints.meet(connection, target.name, target.since, self.since)
        if not standing.is_on:
            return 0
        noted = 0
        for kind, fields in target.fields.items():
            noted += changes.stage(connection, target.name, kind, fields, standing.since)
            if self.most is not None and noted > self.most:
                raise MassChange(
                    f"At least {noted:,} events would go to webhook {target.name} at once, more than "
                    f"{self.most:,}. None was noted.",
                    todo="Look: `fieldwork webhooks send --dry-run`. If it is meant, add --accept-mass-change, or set "
                    "[[webhook]] since to a later day.",
                )
            changes.note(connection, target.name, kind, self.run_id)
        changes.audit(connection, target.name, self.run_id)
        return noted
