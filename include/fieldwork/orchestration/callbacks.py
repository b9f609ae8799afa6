"""A task that failed for good says so in the warehouse too, where the people look who never open Airflow."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from fieldwork.errors import FieldworkError

log: Final = logging.getLogger(__name__)


def describe(error: BaseException | str | None) -> str:
    """The error as ``ops.run`` may keep it: our own text; of a foreign error the type, as its text may quote data."""
    if isinstance(error, FieldworkError):
        return str(error)
    return type(error).__name__ if isinstance(error, BaseException) else "Failed"


def mark_failed(context: Mapping[str, Any]) -> None:
    """``on_failure_callback``: the run in ``ops.run`` is failed, with the error's text.

    Never raises: the warehouse may be what failed.
    """
    from fieldwork.orchestration.tasks import open_warehouse
    from fieldwork.warehouse import ledger

    text = describe(context.get("exception"))
    try:
        engine, _ = open_warehouse()
        with engine.begin() as connection:
            ledger.finish_run(connection, context["run_id"], error=text)
    except Exception as error:  # the callback is the last one to speak
        log.warning("The failed run could not be noted in the warehouse: %s", describe(error))
