"""The budget of calls to one outside system: so many a second, shared by all threads that speak to it.

Calls are spaced evenly and no burst is saved up: vendors count per second, and two bursts around the border of a
second would be counted together.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from fieldwork.errors import ApiShareUsed


class Budget:
    """``per_second`` calls of each kind; DingTalk counts per API, so a kind is an API's path there."""

    def __init__(
        self,
        per_second: float,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interval = 1.0 / per_second
        self._sleep = sleep
        self._clock = clock
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}
        self._taken = 0
        self._most: int | None = None

    @property
    def taken(self) -> int:
        """Calls made so far: what a monthly quota is counted in."""
        return self._taken

    def allow(self, calls: int | None) -> None:
        """So many calls more and none beyond; None: as many as wanted."""
        with self._lock:
            self._most = None if calls is None else self._taken + calls

    def take(self, kind: str = "") -> None:
        """Wait for this kind's next turn. Turns are given in the order of asking; the wait is outside the lock.

        Raises ApiShareUsed when the allowed calls are made.
        """
        with self._lock:
            if self._most is not None and self._taken >= self._most:
                raise ApiShareUsed(
                    f"The {self._taken:,} calls that may be made today are made.",
                    todo="What is left goes with the next run; or raise [write_back] api_share.",
                )
            now = self._clock()
            turn = max(now, self._next.get(kind, now))
            self._next[kind] = turn + self._interval
            self._taken += 1
        if turn > now:
            self._sleep(turn - now)
