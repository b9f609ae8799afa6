"""What Salesforce says when it says no: an array of codes, or (at the token address) one object."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import orjson

from fieldwork.connectors.transport import Answer
from fieldwork.errors import FieldworkError, QuotaExhausted, RequestRefused

_NO_COLUMN: Final = re.compile(r"No such column '([A-Za-z0-9_.]+)'")
_CODE: Final = re.compile(r"[A-Za-z_]{1,60}")


@dataclass(frozen=True, slots=True)
class Problem:
    """The first problem of a refusal; ``field`` when it is about a field that the org does not have."""

    code: str
    field: str | None = None


def problem(answer: Answer) -> Problem:
    """Read tolerantly; a body of another form has the code ``HTTP_<status>``.

    The message is not kept: it repeats the query, and with it keys of people.
    """
    fallback = Problem(f"HTTP_{answer.status}")
    try:
        body = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return fallback
    first: Any = body[0] if isinstance(body, list) and body else body
    if not isinstance(first, dict):
        return fallback
    code = first.get("errorCode") or first.get("error")
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        return fallback
    missing = _NO_COLUMN.search(str(first.get("message", "")))
    return Problem(code, missing.group(1) if missing else None)


def words(answer: Answer) -> tuple[str, str | None]:
    """Code and message of the first problem; the message repeats what was sent: for a receipt, never for a log."""
    code = problem(answer).code
    try:
        body = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return code, None
    first: Any = body[0] if isinstance(body, list) and body else body
    message = first.get("message") if isinstance(first, dict) else None
    return code, message if isinstance(message, str) else None


def quota_exhausted() -> QuotaExhausted:
    """The org's calls of the last 24 hours are used up."""
    return QuotaExhausted(
        "Salesforce's API calls of the last 24 hours are used up.",
        todo="Calls come free again as the day passes; see who uses them under Setup, Company Information.",
    )


def refused(found: Problem, where: str) -> FieldworkError:
    """The error for a refusal that has no better name."""
    if found.code == "REQUEST_LIMIT_EXCEEDED":
        return quota_exhausted()
    return RequestRefused(
        f"Salesforce refused {where} ({found.code}).",
        todo="Look the code up in Salesforce's list; INSUFFICIENT_ACCESS: give the Run As user the permission set.",
    )
