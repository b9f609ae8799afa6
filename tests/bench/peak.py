"""What a measurement prints: rows, seconds, processor seconds and peak resident memory of this process."""

from __future__ import annotations

import json
import resource


def report(rows: int, seconds: float) -> None:
    """One line of JSON."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = used.ru_utime + used.ru_stime
    print(json.dumps({"rows": rows, "seconds": seconds, "cpu_seconds": cpu, "peak_mb": used.ru_maxrss / 1024}))
