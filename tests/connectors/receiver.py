"""Middleware on loopback: takes webhooks, and believes only what two libraries that are not ours believe.

``standardwebhooks`` verifies the signature and the time, ``cloudevents`` reads the event. It acts once for each
``webhook-id`` and remembers in which order it acted.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from .loopback import Asked, Reply, loopback

SECRET = "whsec_" + "c2VjcmV0LWNhbmFyeS00NzExLXdlYmhvb2tzLXNlY3JldA=="
OLD = "whsec_" + "b2xkLXNlY3JldC1jYW5hcnktNDcxMS13ZWJob29rcw=="

#: What to answer before the event is looked at; None: what a good receiver answers.
Mood = Callable[["Asked"], Reply | None]


def believed(body: bytes, headers: dict[str, str], secret: str = SECRET) -> BaseCloudEvent:
    """The event, when both libraries accept it; raises WebhookVerificationError or CloudEventValidationError."""
    Webhook(secret).verify(body, headers)
    return from_http_event(HTTPMessage(headers=headers, body=body))


@dataclass
class Receiver:
    """``acted``: events acted upon, in order; ``heard``: every request that came."""

    url: str = ""
    secret: str = SECRET
    acted: list[BaseCloudEvent] = field(default_factory=list)
    heard: list[Asked] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    mood: Mood = lambda asked: None
    _ids: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, asked: Asked) -> Reply:
        with self._lock:
            self.heard.append(asked)
        told = self.mood(asked)
        if told is not None:
            return told
        try:
            event = believed(asked.body, asked.headers, self.secret)
        except WebhookVerificationError as error:
            self.refused.append(str(error))
            return Reply(b"", 401)
        with self._lock:
            if event.get_id() not in self._ids:
                self._ids.add(event.get_id())
                self.acted.append(event)
        return Reply(b"", 204)

    def ids(self) -> list[str]:
        """The webhook-id of every request, in order."""
        return [one.headers["webhook-id"] for one in self.heard]

    def of(self, person: str) -> list[str]:
        """The sequence numbers acted upon for a person, in the order of acting."""
        return [one.get_extension("sequence") for one in self.acted if one.get_extension("partitionkey") == person]

    def content(self) -> list[dict[str, Any]]:
        """What the events said."""
        return [dict(one.get_data()) for one in self.acted]  # type: ignore[arg-type]


@contextmanager
def receiver(**more: Any) -> Iterator[Receiver]:
    """A receiver that listens for the length of a test."""
    here = Receiver(**more)
    with loopback(here.take) as server:
        here.url = f"{server.url}/hooks/catch/1/?key=path-canary-4711"
        yield here
