"""A lean HTTP/1.1 server on loopback: one thread a connection, keep-alive, no logging, no framework.

The vendors' apps answer :class:`Request` with :class:`Reply`; this module only moves bytes, so that a load test
measures the reader and not the sandbox. An answer may also end badly on purpose (see :data:`Ending`).
"""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, Literal, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

#: complete: as promised; cut: half the body, then the connection closes; reset: TCP RST; silent: closed unanswered.
Ending = Literal["complete", "cut", "reset", "silent"]

LOOPBACK: Final = "127.0.0.1"
MAX_BODY: Final = 64 * 1024 * 1024
MAX_HEADERS: Final = 100
#: seconds after which an idle connection is closed
IDLE: Final = 300


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names in lower case, the path unquoted, the last of repeated query values."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; raises ValueError when it is not."""
        return orjson.loads(self.body)

    def form(self) -> dict[str, str]:
        """The body as a form."""
        pairs = parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)
        return {name: values[-1] for name, values in pairs.items()}


@dataclass(slots=True)
class Reply:
    """One answer."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json;charset=UTF-8"
    ending: Ending = "complete"


def json_reply(value: object, status: int = 200) -> Reply:
    """``value`` as a JSON answer."""
    return Reply(orjson.dumps(value), status)


class App(Protocol):
    """What a server serves."""

    def answer(self, request: Request) -> Reply: ...


class Server:
    """Serves one app on 127.0.0.1; port 0 takes a free one. Starts and stops in threads of this process."""

    def __init__(self, app: App, *, port: int = 0, latency_ms: int = 0) -> None:
        self._tcp = _Tcp((LOOPBACK, port), app, latency_ms / 1000)
        self.port: int = self._tcp.server_address[1]
        self.url = f"http://{LOOPBACK}:{self.port}"
        self._thread = threading.Thread(target=self._tcp.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port and every open connection."""
        self._tcp.shutdown()
        self._tcp.server_close()
        self._tcp.hang_up()
        self._thread.join()


class _Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], app: App, delay: float) -> None:
        super().__init__(address, _Connection)
        self.app = app
        self.delay = delay
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def keep(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)

    def forget(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)

    def hang_up(self) -> None:
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Connection(socketserver.StreamRequestHandler):
    """Request after request until either side closes."""

    server: _Tcp
    timeout = IDLE
    disable_nagle_algorithm = True
    rbufsize = 64 * 1024

    def handle(self) -> None:
        self.server.keep(self.connection)
        try:
            while self._exchange():
                pass
        except (OSError, TimeoutError):
            return
        finally:
            self.server.forget(self.connection)

    def _exchange(self) -> bool:
        """Answer one request; False when the connection is over."""
        try:
            request = self._read()
        except ValueError:
            self._send(Reply(b"", 400), "GET")
            return False
        if request is None:
            return False
        if self.server.delay:
            time.sleep(self.server.delay)
        try:
            reply = self.server.app.answer(request)
        except Exception as error:
            # A sandbox bug must show in the caller's test, by type alone: data may be personal even here.
            reply = json_reply({"sandbox_error": type(error).__name__, "path": request.path}, 500)
        self._send(reply, request.method)
        return reply.ending == "complete" and request.headers.get("connection", "").lower() != "close"

    def _read(self) -> Request | None:
        line = self.rfile.readline(65_537)
        if not line:
            return None
        method, target, version = line.decode("latin-1").split()
        if not version.startswith("HTTP/1."):
            raise ValueError(version)
        headers: dict[str, str] = {}
        while (line := self.rfile.readline(65_537)) not in (b"\r\n", b"\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
            if len(headers) > MAX_HEADERS:
                raise ValueError("headers")
        length = int(headers.get("content-length") or 0)
        if length > MAX_BODY or "transfer-encoding" in headers:
            raise ValueError("body")
        if headers.get("expect", "").lower() == "100-continue":
            self.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self.rfile.read(length) if length else b""
        url = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        return Request(method, unquote(url.path), query, headers, body)

    def _send(self, reply: Reply, method: str) -> None:
        if reply.ending == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if reply.ending in ("reset", "silent"):
            self.connection.close()
            return
        phrase = HTTPStatus(reply.status).phrase
        head = [f"HTTP/1.1 {reply.status} {phrase}", f"Content-Length: {len(reply.body)}"]
        if reply.body:
            head.append(f"Content-Type: {reply.content_type}")
        head += [f"{name}: {value}" for name, value in reply.headers.items()]
        body = reply.body[: len(reply.body) // 2] if reply.ending == "cut" else reply.body
        if method == "HEAD":
            body = b""
        self.connection.sendall("\r\n".join([*head, "", ""]).encode("latin-1") + body)
