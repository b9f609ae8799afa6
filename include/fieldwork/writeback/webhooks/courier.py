"""Deliver what waits for one endpoint: several people at a time, each one's events in order, one commit an event.

An event is settled before the person's next one is sent. Killed anywhere, at most the events under way are sent again,
under the same ``webhook-id``; receivers know that name and act once.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import sqlalchemy as sa

from fieldwork.connectors.webhook.base import Delivery, EventTarget
from fieldwork.failpoint import reached

from . import endpoints, queue
from .queue import Waiting
from .verdict import Rules, judge


def deliver(engine: sa.Engine, target: EventTarget, rules: Rules, progress: Callable[[int, int], None]) -> Counter[str]:
    """Numbers of events ``delivered`` and ``dead``, of attempts that ``failed`` and may be repeated, and of events that
    are still ``waiting``. ``progress`` hears events settled and events in all. Nothing that a receiver does raises.
    """
    with engine.connect() as connection:
        waiting = queue.waiting(connection, target.name)
        failures = endpoints.failures(connection, target.name)
    round_ = _Round(engine, target, rules, progress, waiting, time.monotonic() + rules.run_seconds, failures)
    with ThreadPoolExecutor(max(1, target.parallel), thread_name_prefix=f"webhook-{target.name}") as pool:
        while chains := round_.next_page():
            futures = [pool.submit(round_.chain, chain) for chain in chains]
            for future in futures:
                future.result()
            round_.end_page()
    with engine.connect() as connection:
        round_.counts["waiting"] = queue.waiting(connection, target.name)
    return round_.counts


@dataclass(slots=True)
class _Round:
    """What the threads that serve one endpoint share. ``failures``: times in a row that the endpoint was in trouble."""

    engine: sa.Engine
    target: EventTarget
    rules: Rules
    progress: Callable[[int, int], None]
    total: int
    deadline: float
    failures: int
    counts: Counter[str] = field(default_factory=lambda: Counter(delivered=0, dead=0, failed=0, waiting=0))
    #: failures in a row, of whatever kind and event
    in_a_row: int = 0
    took_some: bool = False
    halt: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_page(self) -> list[list[Waiting]]:
        """Whose turn it is, waiting for them if need be; nobody when the round is over."""
        self.halt.clear()
        self.took_some = False
        while time.monotonic() < self.deadline:
            with self.engine.connect() as connection:
                chains = queue.take(connection, self.target.name)
                rest = None if chains else queue.rest_s(connection, self.target.name)
            if chains or rest is None or time.monotonic() + rest > self.deadline:
                return chains
            time.sleep(max(rest, 0.01))
        return []

    def chain(self, chain: list[Waiting]) -> None:
        """One person's events, until one of them has to wait."""
        try:
            for one in chain:
                if self.halt.is_set() or time.monotonic() > self.deadline:
                    return
                reached("webhook_before_send")
                delivery = self.target.deliver(one.event)
                reached("webhook_after_send")
                settled = self._settle(one, delivery)
                reached("webhook_after_settle")
                if not settled:
                    return
        except BaseException:
            self.halt.set()
            raise

    def end_page(self) -> None:
        """Note that the endpoint took events, and that it is well if nothing was the matter since."""
        if self.took_some:
            with self.engine.begin() as connection:
                endpoints.took_events(connection, self.target.name, is_well=not self.halt.is_set())

    def _settle(self, one: Waiting, delivery: Delivery) -> bool:
        """Note the outcome; False when the person's next event has to wait."""
        verdict = judge(delivery, one.failures, self.rules, random.random())  # noqa: S311
        with self.engine.begin() as connection:
            queue.settle(connection, one.event.number, delivery.status, verdict)
        with self.lock:
            self.counts["failed" if verdict.state == "waiting" else verdict.state] += 1
            if verdict.state == "delivered":
                self.in_a_row = self.failures = 0
                self.took_some = True
            else:
                self.in_a_row += 1
            self.progress(self.counts["delivered"] + self.counts["dead"], self.total)
            rests = not self.halt.is_set() and (delivery.whole or self.in_a_row >= self.rules.circuit)
            if rests:
                self.halt.set()
                self.failures += 1
        if rests:
            self._rest(delivery)
        return verdict.is_settled

    def _rest(self, delivery: Delivery) -> None:
        """The endpoint is in trouble as a whole, or whatever is sent there fails; gone, it is left alone."""
        problem = delivery.problem or "it fails"
        if not delivery.whole:
            problem = f"{self.in_a_row} failures in a row, the last: {problem}"
        wait_s = self.rules.wait_s(self.failures, delivery.told_s, random.random())  # noqa: S311
        with self.engine.begin() as connection:
            if delivery.fate == "gone":
                endpoints.switch_off(connection, self.target.name, problem)
            else:
                endpoints.rest(connection, self.target.name, wait_s, problem, self.failures)
