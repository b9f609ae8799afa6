"""One call to DingTalk: token in the query, envelope checked, repeated where DingTalk says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import orjson
import pyarrow as pa

from fieldwork.connectors.auth import Token, TokenKeeper
from fieldwork.connectors.dingtalk import codes
from fieldwork.connectors.json_arrow import Fields, Page, document, read_page
from fieldwork.connectors.shape import Sampler
from fieldwork.connectors.transport import Answer, NotJson, Transport
from fieldwork.errors import AuthFailed, RequestRefused

#: What every answer has around its rows.
ENVELOPE: Final[Mapping[str, pa.DataType]] = {"errcode": pa.int64(), "sub_code": pa.string(), "punish": pa.string()}

#: A gateway's HTTP 401 is treated like DingTalk's own word for a token that is not accepted.
_TOKEN_REFUSED: Final = b'{"errcode":40014}'

Read = TypeVar("Read")


class DingTalkClient:
    """Calls of one app; thread-safe. ``app_key`` and ``app_secret`` are the connection's login and password."""

    def __init__(self, transport: Transport, app_key: str, app_secret: str) -> None:
        self._transport = transport
        self._app_key = app_key
        self._app_secret = app_secret
        self._keeper = TokenKeeper(self._fetch_token)
        #: what the records of each call look like
        self.sampler: Final = Sampler()

    @property
    def calls(self) -> int:
        """Calls made so far; DingTalk counts most of them against the month."""
        return self._transport.budget.taken

    def rows(self, path: str, body: Mapping[str, Any], at: str, fields: Fields, head: Fields | None = None) -> Page:
        """One page of rows; ``head`` names the scalars wanted beside them."""
        wanted = {**ENVELOPE, **(head or {})}

        def read(answer: bytes) -> tuple[Mapping[str, Any], Page]:
            page = read_page(answer, at, fields, wanted)
            self.sampler.page(path, answer, at, fields)
            return page.head, page

        return self._call(path, body, read)

    def answer(
        self, path: str, body: Mapping[str, Any], *, nothing: frozenset[int] = frozenset()
    ) -> dict[str, Any] | None:
        """A small answer as Python objects; None for the codes that mean there is nothing to read."""

        def read(answer: bytes) -> tuple[Mapping[str, Any], dict[str, Any] | None]:
            whole = document(answer)
            if whole.get("errcode") in nothing:
                return {"errcode": 0}, None
            return whole, whole

        return self._call(path, body, read)

    def _call(
        self, path: str, body: Mapping[str, Any], read: Callable[[bytes], tuple[Mapping[str, Any], Read]]
    ) -> Read:
        """Raises AuthFailed, RequestRefused, QuotaExhausted, RateLimited, SourceUnavailable or BadResponse."""
        token, renewed = self._keeper.current(), False
        repeated: Counter[int] = Counter()
        while True:
            answer = self._send("POST", path, {"access_token": token.value}, orjson.dumps(body))
            head, result = read(answer.body)
            code = codes.code_of(head, path)
            if code == 0:
                return result
            if code in codes.TOKEN and not renewed:
                token, renewed = self._keeper.renew(token), True
            elif code in codes.TOKEN:
                raise _refused_twice(path)
            else:
                self._wait_or_fail(code, path, repeated)

    def _wait_or_fail(self, code: int, path: str, repeated: Counter[int]) -> None:
        waits = codes.WAITS.get(code, ())
        if repeated[code] >= len(waits):
            raise codes.failure(code, path)
        self._transport.sleep(waits[repeated[code]])
        repeated[code] += 1

    def _send(self, method: str, path: str, params: Mapping[str, str], body: bytes | None) -> Answer:
        try:
            answer = self._transport.send(method, path, params=params, body=body)
        except NotJson:
            answer = None
        if answer is None:
            raise codes.banned(path)
        if answer.status == 401:
            return Answer(200, answer.headers, _TOKEN_REFUSED)
        if answer.status != 200:
            raise RequestRefused(
                f"DingTalk answered {path} with HTTP {answer.status}.", todo="Check the connection's host and the app."
            )
        return answer

    def _fetch_token(self) -> Token:
        """The app's token: asking again within its two hours gives the same one, for longer."""
        repeated: Counter[int] = Counter()
        credentials = {"appkey": self._app_key, "appsecret": self._app_secret}
        while True:
            whole = document(self._send("GET", "/gettoken", credentials, None).body)
            code = codes.code_of(whole, "/gettoken")
            token, lasts = whole.get("access_token"), whole.get("expires_in")
            if code == 0 and isinstance(token, str) and token:
                return Token(token, float(lasts) if isinstance(lasts, int | float) else None)
            if code in codes.TOKEN or not codes.is_known(code):
                raise AuthFailed(
                    f"DingTalk gave no token for this app (errcode {code}).",
                    todo="Check app key and app secret: login and password of the connection.",
                )
            self._wait_or_fail(code, "/gettoken", repeated)


def _refused_twice(path: str) -> AuthFailed:
    return AuthFailed(
        f"DingTalk refused a fresh token at {path}.",
        todo="Check that app key and secret belong to the app that has the permissions.",
    )
