"""One way out: every request of a connector goes through a Transport, every answer comes back whole or as an error.

The session is given from outside (Airflow's ``HttpHook`` makes it). What a Transport adds: time limits on every call,
a bounded retry, the budget of calls, a cap on the body, and errors that hold neither URL queries nor bodies. Reads are
repeated; a write whose answer is lost is not (``once``): it may have been executed, and somebody may have edited the
record since.
"""

from __future__ import annotations

import random
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode, urlsplit

import requests
import urllib3

from fieldwork.connectors import redaction
from fieldwork.connectors.backoff import Backoff, told_to_wait
from fieldwork.connectors.rate import Budget
from fieldwork.connectors.wire import Wire
from fieldwork.errors import (
    BadResponse,
    ConfigError,
    PayloadTooLarge,
    RateLimited,
    RequestRefused,
    SourceUnavailable,
    TransientError,
)

JSON: Final = "application/json"
CSV: Final = "text/csv"

_CHUNK: Final = 1 << 18
_LOOPBACK: Final = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much: seconds and bytes. ``total_s`` bounds one answer, however slowly it trickles."""

    connect_s: float = 10.0
    read_s: float = 60.0
    total_s: float = 180.0
    body_bytes: int = 64 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: ``body`` is decompressed; ``headers`` are looked up in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NotJson(BadResponse):
    """A web page with status 200 where JSON was promised."""


@dataclass(frozen=True, slots=True)
class _Failed:
    """An attempt that may be repeated: the error to raise if it may not be any more."""

    kind: type[TransientError]
    happened: str
    retry_after: str | None = None

    @property
    def may_be_done(self) -> bool:
        """Whether the system may have done what was asked all the same; only "too often" says that it has not."""
        return self.kind is not RateLimited


_Outcome: TypeAlias = Answer | _Failed
_LIMITS: Final = Limits()
_BACKOFF: Final = Backoff()


class Transport:
    """Requests to one origin, ``base_url``; thread-safe.

    ``system`` names it in errors. Raises ConfigError when the address would send secrets in the clear.
    """

    def __init__(
        self,
        session: requests.Session,
        base_url: str,
        *,
        system: str,
        budget: Budget,
        limits: Limits = _LIMITS,
        backoff: Backoff = _BACKOFF,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.origin = _origin(base_url, session, system)
        self.system = system
        self.budget = budget
        self.sleep = sleep
        self._limits = limits
        self._backoff = backoff
        self._clock = clock
        self._wall = wall
        self._jitter = jitter
        self._wire = _wire(session, base_url, system, limits)
        redaction.quieten()

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        form: Mapping[str, str] | None = None,
        kind: str | None = None,
        media: str = JSON,
        once: bool = False,
    ) -> Answer:
        """The answer to one request; statuses below 500 other than 3xx and 429 are the caller's to judge.

        ``media`` is what ``body`` is and what is asked for; ``kind`` is what the budget counts (default the path). With
        ``once`` a request that may have been executed is not repeated. Raises SourceUnavailable, RateLimited,
        BadResponse, PayloadTooLarge, RequestRefused (a redirect), QuotaExhausted (the budget) or ConfigError (TLS,
        address).
        """
        sent = {"Accept": media, **(headers or {})}
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(form).encode()
        elif body is not None:
            sent["Content-Type"] = f"{media}; charset=utf-8"
        attempt = 0
        while True:
            attempt += 1
            self.budget.take(path if kind is None else kind)
            outcome = self._attempt(method, path, params=params, headers=sent, body=body)
            if isinstance(outcome, Answer):
                return outcome
            if once and outcome.may_be_done:
                raise outcome.kind(outcome.happened, todo="Read back whether it was done; the run does so by itself.")
            self._pause(outcome, attempt)

    def _pause(self, failed: _Failed, attempt: int) -> None:
        """Wait before the next attempt; raises after the last one, or when the system asks for too long a wait."""
        told = told_to_wait(failed.retry_after, now=self._wall())
        if told is not None and told > self._backoff.longest_told_s:
            raise RateLimited(
                f"{failed.happened} It asks to wait {told:.0f} s.", todo="The run goes on later; do not start more."
            )
        if attempt >= self._backoff.attempts:
            raise failed.kind(
                f"{failed.happened} {attempt} attempts were made.",
                todo="The next attempt of the task may work; if it lasts, look at the system's status page.",
            )
        self.sleep(self._backoff.wait_s(attempt, self._jitter()) if told is None else told)

    def _attempt(self, method: str, path: str, **request: Any) -> _Outcome:
        """One request. Library errors are turned to values: their texts hold URLs with tokens."""
        where = f"{self.system} ({method} {path.partition('?')[0]})"
        deadline = self._clock() + self._limits.total_s
        try:
            response = self._wire.open(method, path, **request)
        except urllib3.exceptions.SSLError as error:
            problem = certificate_problem(error)
            if problem is None:
                return _Failed(SourceUnavailable, f"{where} broke off TLS.")
        except ValueError:  # urllib3's LocationValueError is one, http.client's word for a header too
            problem = "the address or a header is malformed"
        except urllib3.exceptions.TimeoutError:
            return _Failed(SourceUnavailable, f"{where} did not answer in time.")
        except (urllib3.exceptions.HTTPError, OSError):
            return _Failed(SourceUnavailable, f"{where} cannot be reached or cut the connection.")
        else:
            return self._receive(response, where, deadline)
        raise ConfigError(f"{where} cannot be spoken to: {problem}.", todo="Mend the connection's host or certificate.")

    def _receive(self, response: urllib3.BaseHTTPResponse, where: str, deadline: float) -> _Outcome:
        if 300 <= response.status < 400:
            target = urlsplit(response.headers.get("Location", "")).hostname or "nowhere"
            response.close()
            raise RequestRefused(
                f"{where} redirects to {target} (HTTP {response.status}); redirects are not followed.",
                todo="If that is the system's real address, set it as the connection's host.",
            )
        body = self._body(response, where, deadline)
        if isinstance(body, _Failed):
            response.close()
            return body
        response.release_conn()
        status, headers = response.status, response.headers
        if status == 429:
            return _Failed(RateLimited, f"{where} says that we ask too often.", headers.get("Retry-After"))
        if status >= 500:
            return _Failed(SourceUnavailable, f"{where} answered HTTP {status}.", headers.get("Retry-After"))
        if status == 200 and _is_page(headers.get("Content-Type", ""), body):
            raise NotJson(
                f"{where} answered a web page instead of JSON.",
                todo="Look at the connection's host; a proxy, a log-in page or a ban may stand in between.",
            )
        if status == 200 and not _ends_well(headers.get("Content-Type", ""), body):
            return _Failed(BadResponse, f"{where} cut its answer short.")
        return Answer(status, headers, body)

    def _body(self, response: urllib3.BaseHTTPResponse, where: str, deadline: float) -> bytes | _Failed:
        """The decompressed body, read in large pieces; cut short, too slow or too large is told apart."""
        most, packed = self._limits.body_bytes, "Content-Encoding" in response.headers
        pieces: list[bytes] = []
        size = 0
        try:
            while piece := response.read1(_CHUNK, decode_content=packed):
                pieces.append(piece)
                size += len(piece)
                if size > most:
                    break
                if self._clock() > deadline:
                    return _Failed(SourceUnavailable, f"{where} answers too slowly.")
        except urllib3.exceptions.ReadTimeoutError:
            return _Failed(SourceUnavailable, f"{where} stopped in the middle of an answer.")
        except (urllib3.exceptions.HTTPError, OSError):
            return _Failed(BadResponse, f"{where} cut its answer short.")
        if size > most:
            response.close()
            raise PayloadTooLarge(
                f"{where} sent more than {most >> 20} MB in one answer.", todo="Ask for smaller pages or windows."
            )
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _origin(base_url: str, session: requests.Session, system: str) -> str:
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        raise ConfigError(f"The address of {system} is not a web address.", todo="Write e.g. https://host.example.")
    if parts.hostname not in _LOOPBACK:
        if parts.scheme == "http":
            raise ConfigError(f"{system} would be spoken to without TLS.", todo="Write https:// in its address.")
        if session.verify is False:
            raise ConfigError(
                f"The certificate of {system} would not be checked.",
                todo="Give the path of your CA's file in the connection's extra as verify.",
            )
    return f"{parts.scheme}://{parts.netloc}"


def _wire(session: requests.Session, base_url: str, system: str, limits: Limits) -> Wire:
    try:
        return Wire(session, base_url, connect_s=limits.connect_s, read_s=limits.read_s)
    except ValueError:
        problem, todo = f"The address of {system} is malformed.", "Mend the connection's host."
    except OSError:
        problem, todo = f"The CA file of {system} is not there.", "Mend verify in the connection's extra."
    raise ConfigError(problem, todo=todo)


def _ends_well(content_type: str, body: bytes) -> bool:
    """JSON that is whole ends in a bracket; CSV (Salesforce's bulk results) is whole when its length is."""
    return CSV in content_type.lower() or body[-64:].rstrip()[-1:] in (b"}", b"]")


def _is_page(content_type: str, body: bytes) -> bool:
    return "html" in content_type.lower() or body[:64].lstrip()[:1] == b"<"


def certificate_problem(error: BaseException) -> str | None:
    """Why the certificate was refused, in OpenSSL's words without the URL around them; None: it was not."""
    seen: list[BaseException] = [error]
    while seen:
        one = seen.pop()
        if isinstance(one, ssl.SSLCertVerificationError):
            return f"its certificate is refused, {one.verify_message}"
        inner = (*one.args, getattr(one, "reason", None))
        seen += [cause for cause in inner if isinstance(cause, BaseException)]
    return None
