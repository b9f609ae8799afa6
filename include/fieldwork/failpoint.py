"""Named points at which a test may kill the process, to prove that a second run gives the same rows.

Nothing happens unless :func:`arm` was called with a name (``FIELDWORK_FAILPOINT=name`` or ``name:n`` for the n-th
time the point is reached).
"""

from __future__ import annotations

import os
import signal
import threading

_armed: dict[str, int] = {}
_lock = threading.Lock()


def arm(text: str | None) -> None:
    """Arm one point; None or empty disarms all."""
    _armed.clear()
    if text:
        name, _, nth = text.partition(":")
        _armed[name] = int(nth or 1)


def reached(name: str) -> None:
    """Kill this process with SIGKILL when the point is armed and its turn has come."""
    if name not in _armed:
        return
    with _lock:
        _armed[name] -= 1
        fire = _armed[name] == 0
    if fire:
        os.kill(os.getpid(), signal.SIGKILL)
