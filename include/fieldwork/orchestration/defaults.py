"""What every task of every DAG starts from: who owns it, when it is tried again, how long it may take."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from fieldwork.orchestration.callbacks import mark_failed
from fieldwork.orchestration.retry import BY_ERROR, DELAY, LONGEST_DELAY, RETRIES

DEFAULT_ARGS: Final[dict[str, Any]] = {
    "owner": "fieldwork",
    "retries": RETRIES,
    "retry_delay": DELAY,
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": LONGEST_DELAY,
    "retry_policy": BY_ERROR,
    "execution_timeout": timedelta(hours=1),
    "on_failure_callback": mark_failed,
}
