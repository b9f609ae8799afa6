"""Whom a webhook may talk to: public addresses, and the private networks that the configuration names.

The rule is applied to the addresses that the name resolves to, in the moment of connecting, and the connection goes to
the very address that was judged: a name that changes its mind (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, Final, TypeAlias

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

#: IPv6 ranges that carry an IPv4 address in their last 32 bits: NAT64 and its local twin.
_TRANSLATED: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/96"))


class Forbidden(Exception):
    """The name leads to an address that webhooks may not reach."""


def is_allowed(address: Address, networks: Sequence[Network]) -> bool:
    """Public, or inside one of ``networks``. An IPv4 address is judged as such, however IPv6 wraps it."""
    inner = _unwrapped(address)
    if any(inner in network for network in networks if network.version == inner.version):
        return True
    return inner.is_global and not inner.is_multicast


def resolved(host: str, port: int, networks: Sequence[Network]) -> list[str]:
    """The addresses of the host as texts; raises Forbidden when one of them is not allowed, OSError for no name."""
    found = [entry[4][0] for entry in socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)]
    texts = [str(text).partition("%")[0] for text in found]
    if not all(is_allowed(ip_address(text), networks) for text in texts):
        raise Forbidden
    return texts


def guard(session: requests.Session, networks: Sequence[Network], *, answer_s: float) -> None:
    """Let the session connect to allowed addresses alone, and hang up when the head of an answer takes too long."""
    adapter = _Guarded(networks, answer_s)
    session.mount("https://", adapter)
    session.mount("http://", adapter)


class _Guarded(HTTPAdapter):
    """Connections of its pools are guarded; those to a proxy are not: it is the company's own."""

    def __init__(self, networks: Sequence[Network], answer_s: float) -> None:
        self._classes = _pool_classes(networks, answer_s)
        super().__init__()

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, **more)
        self.poolmanager.pool_classes_by_scheme = self._classes


def _pool_classes(networks: Sequence[Network], answer_s: float) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    class Plain(_Judged, HTTPConnection):
        allowed, patience = tuple(networks), answer_s

    class Secure(_Judged, HTTPSConnection):
        allowed, patience = tuple(networks), answer_s

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


class _Judged:
    """Resolves by itself, judges, and connects to what it judged."""

    allowed: tuple[Network, ...]
    patience: float
    host: str
    port: int
    timeout: float | None
    sock: socket.socket | None
    socket_options: Any

    def _new_conn(self) -> socket.socket:
        problem: OSError | None = None
        try:
            addresses = resolved(self.host, self.port, self.allowed)
        except (OSError, UnicodeError) as error:
            raise NameResolutionError(self.host, self, _as_gai(error)) from None  # type: ignore[arg-type]
        for address in addresses:
            try:
                return create_connection((address, self.port), self.timeout, socket_options=self.socket_options)
            except OSError as error:  # a timeout too: the next address may answer
                problem = error
        raise NewConnectionError(self, f"No connection: {problem}")  # type: ignore[arg-type]

    def getresponse(self) -> Any:
        """The answer's head. A receiver that sends it byte by byte is hung up on: read timeouts never see that."""
        watch = threading.Timer(self.patience, _hang_up, [self.sock])
        watch.daemon = True
        watch.start()
        try:
            return super().getresponse()  # type: ignore[misc]
        finally:
            watch.cancel()


def _hang_up(sock: socket.socket | None) -> None:
    if sock is not None:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return


def _as_gai(error: Exception) -> socket.gaierror:
    return error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))


def _unwrapped(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if inner is None and any(address in network for network in _TRANSLATED):
        inner = IPv4Address(int(address) & 0xFFFF_FFFF)
    return inner or address
