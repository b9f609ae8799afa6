"""One endpoint: an event becomes one signed POST, and whatever comes back becomes a Delivery.

No redirect is followed, no answer is kept: a receiver's words may repeat what was sent. Only the host of the address is
ever shown, because the rest of a webhook's address is a secret with most vendors.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import requests
import urllib3
from requests.utils import select_proxy
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, SSLError
from urllib3.exceptions import TimeoutError as TimedOut

from fieldwork import __version__
from fieldwork.connectors.backoff import told_to_wait
from fieldwork.connectors.transport import certificate_problem
from fieldwork.connectors.wire import Wire
from fieldwork.errors import ConfigError

from . import address, envelope, signature
from .base import Delivery, Event

#: Statuses below 500 that may pass: a slow request, too early, too often.
_PASSING: Final = frozenset({408, 425, 429})
#: Statuses that speak of the endpoint and not of the event: too often, overloaded or down, its gateway too.
_WHOLE: Final = frozenset({429, 502, 503, 504})
_GONE: Final = 410
#: Bytes of an answer that are read so that the connection can be used again; a longer answer costs the connection.
_ANSWER: Final = 16 << 10


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds until a connection stands, and of silence before an answer is given up; bytes of an event."""

    connect_s: float = 10.0
    answer_s: float = 20.0
    body_bytes: int = 65_536


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where events go, and how they are signed.

    ``url`` is whole, path and query; ``source`` names this warehouse; ``headers`` are the receiver's own wishes.
    """

    name: str
    url: str = field(repr=False)
    signers: tuple[signature.Signer, ...] = field(repr=False)
    fields: Mapping[str, tuple[str, ...]]
    source: str
    since: date | None = None
    parallel: int = 4
    media: str = envelope.MEDIA
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    networks: tuple[address.Network, ...] = ()

    @property
    def host(self) -> str:
        """The only part of the address that may be shown."""
        return urlsplit(self.url).hostname or ""


class Webhook:
    """An endpoint that can be called; thread-safe. Raises ConfigError for an address that must not be called."""

    def __init__(
        self,
        endpoint: Endpoint,
        session: requests.Session,
        limits: Limits,
        *,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        _check(endpoint, session)
        self.endpoint = endpoint
        self.name = endpoint.name
        self.parallel = endpoint.parallel
        self.fields = endpoint.fields
        self.since = endpoint.since
        self._limits = limits
        self._wall = wall
        self._clock = clock
        around = session.merge_environment_settings(endpoint.url, {}, None, session.verify, None)
        self._proxied = select_proxy(endpoint.url, around["proxies"]) is not None
        # half as long again: silence is noticed by the read timeout, first
        address.guard(session, endpoint.networks, answer_s=limits.answer_s * 1.5)
        try:
            self._wire = Wire(session, endpoint.url, connect_s=limits.connect_s, read_s=limits.answer_s)
        except (ValueError, OSError):
            raise ConfigError(
                f"The address or the CA file of webhook {self.name} is malformed.", todo="Mend its connection."
            ) from None

    def deliver(self, event: Event) -> Delivery:
        """One signed POST; see :class:`Delivery`."""
        body = envelope.document(event, self.endpoint.source)
        if len(body) > self._limits.body_bytes:
            return Delivery("dead", problem=f"the event is larger than {self._limits.body_bytes:,} bytes")
        headers = {
            **self.endpoint.headers,
            "Content-Type": f"{self.endpoint.media}; charset=UTF-8",
            "Accept": "*/*",
            "User-Agent": f"Fieldwork/{__version__}",
            **signature.headers(self.endpoint.signers, event.id, int(self._wall()), body),
        }
        try:
            if self._proxied:
                self._judge_for_the_proxy()
            response = self._wire.open("POST", "", headers=headers, body=body)
        except address.Forbidden:
            return _down("its name leads to an address that webhooks may not reach")
        except SSLError as error:
            problem = certificate_problem(error)
            return _down(problem or "TLS broke off")
        except (NewConnectionError, ConnectTimeoutError):  # the latter from a proxy
            return _down("no connection")
        except TimedOut:
            return Delivery("again", problem="no answer in time")
        except (HTTPError, OSError, ValueError):
            return Delivery("again", problem="the connection was cut")
        told = told_to_wait(response.headers.get("Retry-After"), now=self._wall())
        self._finish(response)
        return _judged(response.status, told)

    def _judge_for_the_proxy(self) -> None:
        """A proxy connects for us; what our own resolver knows of the name is judged all the same."""
        parts = urlsplit(self.endpoint.url)
        try:
            address.resolved(parts.hostname or "", parts.port or 443, self.endpoint.networks)
        except OSError:
            return  # a name that only the proxy can resolve

    def _finish(self, response: urllib3.BaseHTTPResponse) -> None:
        """Read a short answer to its end, so that the connection can be used again; else close it."""
        deadline, read = self._clock() + self._limits.answer_s, 0
        try:
            while piece := response.read1(_ANSWER, decode_content=False):
                read += len(piece)
                if read > _ANSWER or self._clock() > deadline:
                    response.close()
                    return
        except (HTTPError, OSError):
            response.close()
            return
        response.release_conn()


def _judged(status: int, told_s: float | None) -> Delivery:
    if 200 <= status < 300:
        return Delivery("delivered", status)
    if status == _GONE:
        return Delivery("gone", status, "it is gone and wants no more events", whole=True)
    if status >= 500 or status in _PASSING:
        return Delivery("again", status, f"HTTP {status}", whole=status in _WHOLE, told_s=told_s)
    if 300 <= status < 400:
        return Delivery("dead", status, f"it redirects (HTTP {status}), which is not followed")
    return Delivery("dead", status, f"HTTP {status}")


def _down(problem: str) -> Delivery:
    return Delivery("again", problem=problem, whole=True)


def _check(endpoint: Endpoint, session: requests.Session) -> None:
    """No event in the clear, to an unchecked certificate, or with a password in its address."""
    parts = urlsplit(endpoint.url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.fragment:
        raise ConfigError(f"The address of webhook {endpoint.name} is none.", todo="Write e.g. https://host/path.")
    if not endpoint.signers:
        raise ConfigError(f"Webhook {endpoint.name} has no secret.", todo="Make one: `fieldwork webhooks secret`.")
    if _is_this_machine(endpoint):
        return
    if parts.scheme == "http":
        raise ConfigError(f"Webhook {endpoint.name} would be sent in the clear.", todo="Write https:// in its address.")
    if session.verify is False:
        raise ConfigError(
            f"The certificate of webhook {endpoint.name} would not be checked.",
            todo="Give the path of your CA's file as verify, in the connection's extra.",
        )


def _is_this_machine(endpoint: Endpoint) -> bool:
    """A loopback address, and one that the configuration allows: for tests, and for a gateway on the same machine."""
    try:
        one = ip_address("127.0.0.1" if endpoint.host == "localhost" else endpoint.host)
    except ValueError:
        return False
    return one.is_loopback and address.is_allowed(one, endpoint.networks)
