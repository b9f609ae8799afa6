"""When a task is tried again: by the type of its error, because trying again mends an outage and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from fieldwork.errors import PermanentError, TransientError

#: Tries after the first one. The transport repeats single requests itself; this is for what lasts longer.
RETRIES: Final = 3
#: 2, 4, 8 minutes: a vendor's rate window or a database's restart is over by then.
DELAY: Final = timedelta(minutes=2)
LONGEST_DELAY: Final = timedelta(minutes=15)

#: What only a mistake in code or set-up raises.
MISTAKES: Final[list[type[BaseException] | str]] = [
    ImportError, NameError, AttributeError, TypeError, LookupError, "sqlalchemy.exc.ProgrammingError",
]  # fmt: skip

BY_ERROR: Final = ExceptionRetryPolicy(
    rules=[
        RetryRule(TransientError, RetryAction.RETRY, reason="May go away by itself."),
        RetryRule(PermanentError, RetryAction.FAIL, reason="A person must act; trying again changes nothing."),
        RetryRule(MISTAKES, RetryAction.FAIL, reason="A mistake in code or set-up; trying again changes nothing."),
    ],
    default=RetryAction.DEFAULT,
)
