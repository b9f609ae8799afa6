"""Faults on order: a wrapper around a vendor's app that counts calls and spoils those it was told to.

Control, on the same port and so on loopback alone:
``POST /_sandbox/faults`` takes a list of rules and adds them (``DELETE`` forgets all); ``GET /_sandbox/calls`` counts
calls by path; ``GET /_sandbox/records?object=Daily_Performance__c`` lists what the CRM holds; ``GET /_sandbox/health``
answers when the sandbox is ready.

A rule: ``{"match": part of a path, "kind": one of KINDS, "after": calls let through first, "times": calls spoilt,
...parameters of the kind}``.
"""

from __future__ import annotations

import os
import re
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from fieldwork.errors import ConfigError
from fieldwork.sandbox.fault_kinds import KINDS, Case, Spoiler
from fieldwork.sandbox.server import Reply, Request, json_reply

#: Schedules for ``fieldwork sandbox up --faults``: what a bad night looks like from outside, all of it transient.
STORM: Final[tuple[dict[str, Any], ...]] = (
    {"match": "/attendance/listRecord", "kind": "status_503", "after": 2, "times": 2},
    {"match": "/attendance/listRecord", "kind": "errcode", "code": 90018, "after": 5, "times": 1},
    {"match": "/attendance/listRecord", "kind": "truncate", "after": 7, "times": 1},
    {"match": "/topapi/v2/user/list", "kind": "errcode", "code": -1, "after": 1, "times": 1},
    {"match": "/topapi/checkin/record/get", "kind": "token_expire", "after": 3, "times": 1},
    {"match": "/topapi/attendance/getleavestatus", "kind": "html", "after": 0, "times": 1},
    {"match": "/query", "kind": "reset", "after": 2, "times": 1},
    {"match": "/query", "kind": "token_expire", "after": 4, "times": 1},
    {"match": "/query", "kind": "status_503", "after": 6, "times": 1},
    {"match": "/composite/sobjects/Daily_Performance__c", "kind": "lost_answer", "after": 1, "times": 1},
    {"match": "/composite/sobjects", "kind": "row_error", "code": "UNABLE_TO_LOCK_ROW", "after": 2, "times": 1},
)

#: What names one query's pages or one job in a path: calls are counted without it.
_NAMES: Final = re.compile(r"(/query(?:All)?|/jobs/ingest)/[^/]+")


class VendorApp(Protocol):
    """What both vendors' apps can do beside answering."""

    def answer(self, request: Request) -> Reply: ...

    def expire_tokens(self) -> None:
        """Every token issued so far is refused from now on."""
        ...

    def records(self, name: str) -> list[dict[str, Any]]:
        """The records of an object as the system holds them, for tests."""
        ...


@dataclass(slots=True)
class Rule:
    """One fault on order; ``seen`` counts the calls that matched it."""

    match: str
    spoil: Spoiler
    after: int = 0
    times: int = 1
    params: Mapping[str, Any] = field(default_factory=dict)
    seen: int = 0

    def turn(self, path: str) -> bool:
        """Count a call; True when it is to be spoilt."""
        if self.match not in path:
            return False
        self.seen += 1
        return self.after < self.seen <= self.after + self.times


class FaultyApp:
    """An app whose calls are counted and, on order, spoilt."""

    def __init__(self, app: VendorApp) -> None:
        self.app = app
        self._rules: list[Rule] = []
        self._calls: Counter[str] = Counter()
        self._last: dict[str, Reply] = {}
        self._lock = threading.Lock()

    def inject(self, rules: Sequence[Mapping[str, Any]]) -> None:
        """Add rules; raises ConfigError for a kind that does not exist."""
        added = [_rule(dict(rule)) for rule in rules]
        with self._lock:
            self._rules += added

    def clear(self) -> None:
        """Forget every rule and count."""
        with self._lock:
            self._rules.clear()
            self._calls.clear()

    def calls(self) -> dict[str, int]:
        """Calls by path so far, spoilt ones too; further pages of a query count as the query."""
        with self._lock:
            return dict(self._calls)

    def answer(self, request: Request) -> Reply:
        """The app's answer, a spoilt one, or the control API's."""
        if request.path.startswith("/_sandbox/"):
            return self._control(request)
        path = _NAMES.sub(r"\1", request.path)
        with self._lock:
            self._calls[path] += 1
            due = [rule for rule in self._rules if rule.turn(request.path)]
        reply = _Spoilt(self.app, due, self._last.get(path)).answer(request)
        if self._rules and reply.ending == "complete" and reply.status == 200:
            self._last[path] = reply
        return reply

    def _control(self, request: Request) -> Reply:
        what = (request.method, request.path.removeprefix("/_sandbox/"))
        if what == ("POST", "faults"):
            try:
                self.inject(request.json())
            except (ConfigError, ValueError, TypeError) as error:
                return json_reply({"error": str(error)}, 400)
            return json_reply({"rules": len(self._rules)})
        if what == ("DELETE", "faults"):
            self.clear()
            return json_reply({"rules": 0})
        if what == ("GET", "calls"):
            return json_reply(self.calls())
        if what == ("GET", "records"):
            return json_reply(self.app.records(request.query.get("object", "")))
        if what == ("GET", "health"):
            return json_reply({"ready": True, "pid": os.getpid()})
        return json_reply({"error": "no such control"}, 404)


@dataclass(frozen=True, slots=True)
class _Spoilt:
    """The app behind several faults that fall on one call: each meets what the ones after it leave of the answer."""

    app: VendorApp
    due: Sequence[Rule]
    last: Reply | None

    def answer(self, request: Request) -> Reply:
        if not self.due:
            return self.app.answer(request)
        first, *others = self.due
        return first.spoil(Case(first.params, request, _Spoilt(self.app, others, self.last), self.last))

    def expire_tokens(self) -> None:
        self.app.expire_tokens()


def _rule(spec: dict[str, Any]) -> Rule:
    kind = spec.pop("kind", None)
    if kind not in KINDS:
        raise ConfigError(f"There is no fault kind {kind!r}.", todo=f"Choose among: {', '.join(sorted(KINDS))}.")
    match, after, times = spec.pop("match", ""), int(spec.pop("after", 0)), int(spec.pop("times", 1))
    return Rule(str(match), KINDS[kind], after, times, spec)
