"""The session's own connections, used without what requests prepares anew for every call: half of a call's time.

Everything that decides whom we talk to and how still comes from the session: its adapter and pool, its CA, proxies,
client certificate and headers. They are looked up once. Redirects, cookies, hooks and retries of the libraries are
not used: no vendor's API needs them, and a :class:`~fieldwork.connectors.transport.Transport` has its own rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast
from urllib.parse import urlencode

import requests
import urllib3
from requests.adapters import HTTPAdapter

#: What the body of this one empty request would say of itself.
_OF_THE_BODY: Final = frozenset({"content-length", "content-type"})


class Wire:
    """Requests over one session to the origin and path of ``base_url``; thread-safe like the pool underneath.

    Raises ValueError (requests' InvalidURL and others) for an address that is none, OSError for a CA without a file.
    """

    def __init__(self, session: requests.Session, base_url: str, *, connect_s: float, read_s: float) -> None:
        # The session's own CA is named, or REQUESTS_CA_BUNDLE would win over it.
        around: Mapping[str, Any] = session.merge_environment_settings(base_url, {}, None, session.verify, None)
        base = session.prepare_request(requests.Request("POST", base_url, auth=_unchanged))
        adapter = cast(HTTPAdapter, session.get_adapter(base_url))
        pool = adapter.get_connection_with_tls_context(base, around["verify"], around["proxies"], around["cert"])
        adapter.cert_verify(pool, base_url, around["verify"], around["cert"])  # type: ignore[no-untyped-call]
        self._pool = cast(urllib3.HTTPConnectionPool, pool)
        #: the path; behind a proxy for plain HTTP the whole address
        self._base = adapter.request_url(base, around["proxies"])
        self._headers = {name: value for name, value in base.headers.items() if name.lower() not in _OF_THE_BODY}
        self._timeout = urllib3.Timeout(connect=connect_s, read=read_s)

    def open(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> urllib3.BaseHTTPResponse:
        """The answer with its body still to be read; an empty ``path`` is the address itself, to the letter.

        Raises urllib3's errors, ValueError for a malformed header.
        """
        where = self._base.rstrip("/") + path if path else self._base
        return self._pool.urlopen(
            method,
            f"{where}?{urlencode(params)}" if params else where,
            body,
            {**self._headers, **headers},
            retries=False,
            redirect=False,
            assert_same_host=False,  # behind a proxy the address is the vendor's and the pool the proxy's
            preload_content=False,
            decode_content=False,
            timeout=self._timeout,
        )


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Instead of the session's or .netrc's Basic auth, which would overwrite the bearer token."""
    return request
