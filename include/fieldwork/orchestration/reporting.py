"""How a task says how far it is: a line in its log now and then, or the bar of the process that runs the DAG itself."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from fieldwork.steps.progress import Progress

log: Final = logging.getLogger("fieldwork.progress")

#: Seconds between two lines about the same thing.
QUIET: Final = 10.0

_other: list[Progress] = []


class LoggedProgress:
    """One log line per label at the start, every :data:`QUIET` seconds, and at the end."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}

    def __call__(self, label: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        last = self._said.get(label)
        if last is not None and done != total and now - last < QUIET:
            return
        self._said[label] = now
        log.info("%s: %s of %s", label, f"{done:,}", "?" if total is None else f"{total:,}")


def current() -> Progress:
    """The progress for the task that runs now."""
    return _other[-1] if _other else LoggedProgress()


@contextmanager
def instead(progress: Progress | None) -> Iterator[None]:
    """Tasks that run in this process report to ``progress`` for the time being (None: to their log)."""
    if progress is None:
        yield
        return
    _other.append(progress)
    try:
        yield
    finally:
        _other.remove(progress)
