"""How long to wait before asking again: doubling with jitter, or as long as the system says."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True)
class Backoff:
    """``attempts`` in all; waits in seconds, from ``first_s`` doubling to ``longest_s``.

    A system that asks for more than ``longest_told_s`` is not waited for inside a task: the slot is needed.
    """

    attempts: int = 5
    first_s: float = 0.5
    longest_s: float = 20.0
    longest_told_s: float = 60.0

    def wait_s(self, attempt: int, jitter: float) -> float:
        """The wait after the n-th attempt: between half and all of the doubled time; ``jitter`` in [0, 1)."""
        whole: float = min(self.longest_s, self.first_s * 2.0 ** (attempt - 1))
        return whole * (0.5 + jitter / 2)


def told_to_wait(retry_after: str | None, *, now: float) -> float | None:
    """Seconds that a Retry-After header asks for (RFC 9110: seconds or a date); None when it says nothing usable.

    ``now`` is the wall clock in epoch seconds. A date in the past means now; a negative number is nonsense.
    """
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, date.timestamp() - now)
