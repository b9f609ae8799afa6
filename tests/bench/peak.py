"""What a measurement prints: rows, seconds, processor seconds and peak resident memory of this process."""

from __future__ import annotations

import json
import resource


def cpu_seconds() -> float:
    """Processor seconds of this process so far: what else the machine does falls on them the least."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def report(rows: int, seconds: float, cpu_before: float = 0.0) -> None:
    """One line of JSON; ``cpu_before`` is what :func:`cpu_seconds` said when the measurement began."""
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows": rows, "seconds": seconds, "cpu_seconds": cpu_seconds() - cpu_before, "peak_mb": peak_mb}))
