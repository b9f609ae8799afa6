"""What DingTalk's ``errcode`` means for us: renew the token, wait and repeat, or stop with a typed error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fieldwork.errors import (
    BadResponse,
    FieldworkError,
    QuotaExhausted,
    RateLimited,
    RequestRefused,
    SourceUnavailable,
)

#: The token is missing, wrong or too old: one renewal may help.
TOKEN: Final = frozenset({33001, 40001, 40014, 41001, 42001})
#: Waits in seconds before each repetition; after the last one the call has failed.
WAITS: Final[Mapping[int, tuple[float, ...]]] = {
    -1: (1.0, 2.0, 4.0),  # busy
    90002: (1.0, 2.0, 4.0),  # all of DingTalk's callers together
    90018: (1.0, 1.0, 1.0, 1.0, 1.0),  # this app and API, counted by the second
}
#: DingTalk does not know the person: there is nothing to read of them.
UNKNOWN_PERSON: Final = frozenset({33012, 60121})

_QUOTA: Final = 90020
_GATEWAY: Final = 88
_BANNED: Final = frozenset({90001, *range(90003, 90015), 90017})
_PERMISSION: Final = (
    "Grant the app the permission for this call in DingTalk's developer console (docs/systems/dingtalk.md)."
)
_REFUSALS: Final[Mapping[int, tuple[str, str]]] = {
    _GATEWAY: ("the app may not make this call", _PERMISSION),
    60011: ("the app may not make this call", _PERMISSION),
    60020: ("this machine's address is not on the app's list", "Add it under the app's server outgoing addresses."),
    60003: ("the department does not exist", "Check [dingtalk] root_department."),
    50004: ("the department is outside the app's grant", "Widen the app's contact scope, or set root_department."),
    41041: ("the span is over 7 days", "This is a fault of ours: please report it."),
    41100: ("a time is malformed", "This is a fault of ours: please report it."),
    41102: ("the list of people is too long", "This is a fault of ours: please report it."),
}


def code_of(head: Mapping[str, Any], path: str) -> int:
    """The envelope's code, 0 = fine; a gateway refusal (88) is its ``sub_code`` where that says more.

    Raises RateLimited for the answer of a banned address, BadResponse when there is no code.
    """
    code = _number(head.get("errcode"))
    if code is None and head.get("punish"):
        raise banned(path)
    if code is None:
        raise BadResponse(
            f"DingTalk's answer to {path} has no errcode.",
            todo="Look at the connection's host: is it oapi.dingtalk.com?",
        )
    if code == _GATEWAY:
        return _number(head.get("sub_code")) or code
    return code


def banned(path: str) -> RateLimited:
    """DingTalk bans an address for 5 minutes after 10,000 calls in 20 s, and answers with a page."""
    return RateLimited(
        f"DingTalk has banned this address for a while (answer to {path}).",
        todo="Wait 5 minutes; see that nothing else calls from the same address; lower [dingtalk] calls_per_second.",
    )


def failure(code: int, path: str) -> FieldworkError:
    """The error for a code that neither a new token nor a wait has mended."""
    if code == _QUOTA:
        return QuotaExhausted(
            "DingTalk's calls for this month are used up.",
            todo="Buy more calls or wait for the next month; the docs page says how many a run takes.",
        )
    if code in _BANNED or code in (90002, 90018):
        return RateLimited(
            f"DingTalk slows us down ({path}, errcode {code}).", todo="Lower [dingtalk] calls_per_second."
        )
    if code == -1:
        return SourceUnavailable(f"DingTalk is busy ({path}).", todo="The next attempt of the task may work.")
    why, todo = _REFUSALS.get(code, ("it gives no reason we know", "Look the code up in DingTalk's list of errcodes."))
    return RequestRefused(f"DingTalk refused {path}: {why} (errcode {code}).", todo=todo)


def is_known(code: int) -> bool:
    """Whether the code has a meaning of its own here, other than a refused token."""
    return code in WAITS or code in _BANNED or code in _REFUSALS or code == _QUOTA


def _number(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None
