"""What a measurement prints: rows, seconds, and the peak resident memory of this process."""

from __future__ import annotations

import json
import resource


def report(rows: int, seconds: float) -> None:
    """One line of JSON."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows": rows, "seconds": seconds, "peak_mb": peak}))
