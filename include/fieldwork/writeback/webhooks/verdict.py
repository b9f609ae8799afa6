"""What follows from one call: for the event, and for its endpoint. Pure: no clock, no table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fieldwork.connectors.webhook.base import Delivery


@dataclass(frozen=True, slots=True)
class Rules:
    """``retry_seconds``: waits after the first, second … failure; after the last one an event is a dead letter.

    ``run_seconds``: no event is begun, and none waited for, after so long. ``circuit``: after so many failures in a
    row, with nothing delivered in between, the endpoint rests. ``longest_told_s``: the longest that it can make us
    wait by Retry-After.
    """

    retry_seconds: tuple[float, ...]
    run_seconds: float
    circuit: int
    longest_told_s: float = 86_400.0

    def wait_s(self, failures: int, told_s: float | None, jitter: float) -> float:
        """The wait after failure number ``failures``, up to a fifth longer by ``jitter`` (0 to 1)."""
        own = self.retry_seconds[min(failures, len(self.retry_seconds)) - 1] * (1 + jitter / 5)
        return max(own, min(told_s or 0.0, self.longest_told_s))


@dataclass(frozen=True, slots=True)
class Verdict:
    """The event's state from now on; ``failed``: the failure was its own; ``wait_s``: not again before."""

    state: Literal["delivered", "dead", "waiting"]
    problem: str | None = None
    failed: bool = False
    wait_s: float | None = None

    @property
    def is_settled(self) -> bool:
        """Whether the person's next event may go."""
        return self.state != "waiting"


def judge(delivery: Delivery, failures: int, rules: Rules, jitter: float) -> Verdict:
    """The verdict on an event that failed ``failures`` times before this call.

    An endpoint in trouble as a whole is no fault of the event: it waits, however long that lasts.
    """
    if delivery.fate == "delivered":
        return Verdict("delivered")
    if delivery.fate == "dead":
        return Verdict("dead", delivery.problem, failed=True)
    if delivery.whole:
        return Verdict("waiting", delivery.problem)
    failures += 1
    if failures > len(rules.retry_seconds):
        return Verdict("dead", f"failed {failures} times, the last time: {delivery.problem}", failed=True)
    return Verdict("waiting", delivery.problem, failed=True, wait_s=rules.wait_s(failures, delivery.told_s, jitter))
