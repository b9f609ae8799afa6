"""A small HTTP server on 127.0.0.1 whose answers a test writes by hand, and a transport that does not really wait."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import requests

from fieldwork.connectors.backoff import Backoff
from fieldwork.connectors.rate import Budget
from fieldwork.connectors.transport import Limits, Transport


@dataclass(frozen=True)
class Asked:
    """One request as the server saw it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    peer: int

    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """``length`` is the Content-Length that is claimed (None: none, the end of the connection ends the body)."""

    body: bytes = b"{}"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = -1
    wait_s: float = 0.0
    trickle_s: float = 0.0
    reset: bool = False


def json_reply(value: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(orjson.dumps(value), status, {"Content-Type": "application/json", **headers})


Answerer = Callable[[Asked], Reply]


@dataclass
class Loopback:
    url: str
    asked: list[Asked]

    def paths(self) -> list[str]:
        return [one.path for one in self.asked]


@contextmanager
def loopback(answer: Answerer, *, tls: ssl.SSLContext | None = None) -> Iterator[Loopback]:
    """Serve ``answer`` for the length of a test."""
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            one = Asked(
                self.command, parts.path, dict(parse_qsl(parts.query)), dict(self.headers), body, self.client_address[1]
            )
            asked.append(one)
            _send(self, answer(one))

        do_GET = do_POST = do_PATCH = _serve  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield Loopback(f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}", asked)
    finally:
        server.shutdown()
        server.server_close()


def _send(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    time.sleep(reply.wait_s)
    if reply.reset:
        linger = struct.pack("ii", 1, 0)
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        os.close(handler.connection.detach())
        return
    handler.send_response(reply.status)
    for name, value in reply.headers.items():
        handler.send_header(name, value)
    length = len(reply.body) if reply.length == -1 else reply.length
    if length is None or length != len(reply.body):
        handler.close_connection = True
    if length is not None:
        handler.send_header("Content-Length", str(length))
    handler.end_headers()
    step = 1 if reply.trickle_s else max(1, len(reply.body))
    for first in range(0, len(reply.body), step):
        handler.wfile.write(reply.body[first : first + step])
        handler.wfile.flush()
        time.sleep(reply.trickle_s)


def in_turn(*replies: Reply) -> Answerer:
    """The replies one after another, the last one for ever."""
    left = list(replies)
    lock = threading.Lock()

    def answer(asked: Asked) -> Reply:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return answer


def transport(
    url: str,
    *,
    slept: list[float] | None = None,
    session: requests.Session | None = None,
    limits: Limits | None = None,
    attempts: int = 5,
    system: str = "Vendor",
) -> Transport:
    """A transport with an ample budget; its waits are noted in ``slept`` instead of waited."""
    noted: list[float] = [] if slept is None else slept
    return Transport(
        session or requests.Session(),
        url,
        system=system,
        budget=Budget(1e6),
        limits=limits or Limits(connect_s=2, read_s=2, total_s=5),
        backoff=Backoff(attempts=attempts),
        sleep=noted.append,
    )
