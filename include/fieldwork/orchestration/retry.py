"""When a task is tried again: by the type of its error, because trying again mends an outage and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from fieldwork.errors import PermanentError, RateLimited, TransientError

#: Tries after the first one. The transport retries single requests itself; this is for what lasts longer.
RETRIES: Final = 3
DELAY: Final = timedelta(minutes=2)
LONGEST_DELAY: Final = timedelta(minutes=15)
#: A vendor that asks us to slow down means minutes, not seconds.
AFTER_RATE_LIMIT: Final = timedelta(minutes=10)

BY_ERROR: Final = ExceptionRetryPolicy(
    rules=[
        RetryRule(PermanentError, RetryAction.FAIL, reason="A person must act; trying again changes nothing."),
        RetryRule(RateLimited, RetryAction.RETRY, AFTER_RATE_LIMIT, reason="The system asked us to slow down."),
        RetryRule(TransientError, RetryAction.RETRY, reason="May go away by itself."),
    ],
    default=RetryAction.DEFAULT,
)
