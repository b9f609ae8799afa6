"""One call to DingTalk: token in the query, envelope checked, repeated where DingTalk says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import orjson
import pyarrow as pa

from fieldwork.connectors.auth import Token, TokenKeeper
from fieldwork.connectors.dingtalk import codes
from fieldwork.connectors.json_arrow import Fields, Page, document, read_page, read_pages
from fieldwork.connectors.transport import Answer, NotJson, Transport
from fieldwork.errors import AuthFailed, RequestRefused

#: What every answer has around its rows.
ENVELOPE: Final[Mapping[str, pa.DataType]] = {"errcode": pa.int64(), "sub_code": pa.string(), "punish": pa.string()}

#: A gateway's HTTP 401 is treated like DingTalk's own word for a token that is not accepted.
_TOKEN_REFUSED: Final = b'{"errcode":40014}'

Read = TypeVar("Read")
#: The envelope of an answer, and what is made of the answer.
Said = tuple[Mapping[str, Any], Read]
Reader = Callable[[bytes], Said[Read]]


class DingTalkClient:
    """Calls of one app; thread-safe. ``app_key`` and ``app_secret`` are the connection's login and password."""

    def __init__(self, transport: Transport, app_key: str, app_secret: str) -> None:
        self._transport = transport
        self._app_key = app_key
        self._app_secret = app_secret
        self._keeper = TokenKeeper(self._fetch_token)

    @property
    def calls(self) -> int:
        """Calls made so far; DingTalk counts most of them against the month."""
        return self._transport.budget.taken

    def rows(self, path: str, body: Mapping[str, Any], at: str, fields: Fields, head: Fields | None = None) -> Page:
        """One page of rows; ``head`` names the scalars wanted beside them."""
        return self._call(path, body, _reader(at, fields, {**ENVELOPE, **(head or {})}))

    def pages(self, path: str, bodies: Sequence[Mapping[str, Any]], at: str, fields: Fields) -> list[Page]:
        """A page of rows for each body; all are read at once, and those that need it are called for again."""
        token = self._keeper.current()
        answers = [self._post(path, body, token) for body in bodies]
        pages = read_pages([answer.body for answer in answers], at, fields, ENVELOPE)
        read = _reader(at, fields, ENVELOPE)
        return [
            self._call(path, body, read, begun=(token, (page.head, page)))
            for body, page in zip(bodies, pages, strict=True)
        ]

    def answer(
        self, path: str, body: Mapping[str, Any], *, nothing: frozenset[int] = frozenset()
    ) -> dict[str, Any] | None:
        """A small answer as Python objects; None for the codes that mean there is nothing to read."""

        def read(answer: bytes) -> Said[dict[str, Any] | None]:
            whole = document(answer)
            if whole.get("errcode") in nothing:
                return {"errcode": 0}, None
            return whole, whole

        return self._call(path, body, read)

    def _call(
        self, path: str, body: Mapping[str, Any], read: Reader[Read], *, begun: tuple[Token, Said[Read]] | None = None
    ) -> Read:
        """The result of a call; ``begun`` is what it was first told, with which token.

        Raises AuthFailed, RequestRefused, QuotaExhausted, RateLimited, SourceUnavailable or BadResponse.
        """
        token, said = begun or (self._keeper.current(), None)
        renewed = False
        repeated: Counter[int] = Counter()
        while True:
            head, result = said or read(self._post(path, body, token).body)
            said = None
            code = codes.code_of(head, path)
            if code == 0:
                return result
            if code in codes.TOKEN and not renewed:
                token, renewed = self._keeper.renew(token), True
            elif code in codes.TOKEN:
                raise _refused_twice(path)
            else:
                self._wait_or_fail(code, path, repeated)

    def _post(self, path: str, body: Mapping[str, Any], token: Token) -> Answer:
        return self._send("POST", path, {"access_token": token.value}, orjson.dumps(body))

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


def _reader(at: str, fields: Fields, head: Fields) -> Reader[Page]:
    def read(answer: bytes) -> Said[Page]:
        page = read_page(answer, at, fields, head)
        return page.head, page

    return read


def _refused_twice(path: str) -> AuthFailed:
    return AuthFailed(
        f"DingTalk refused a fresh token at {path}.",
        todo="Check that app key and secret belong to the app that has the permissions.",
    )
