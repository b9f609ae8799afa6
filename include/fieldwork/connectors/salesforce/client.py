"""One call to Salesforce: client-credentials login, bearer token, one renewal, and how much of the quota is used."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from fieldwork.connectors.auth import Token, TokenKeeper
from fieldwork.connectors.json_arrow import document
from fieldwork.connectors.salesforce import problems
from fieldwork.connectors.transport import JSON, Answer, Transport
from fieldwork.errors import AuthFailed, ConfigError

_USAGE: Final = re.compile(r"(?:^|[ ;])api-usage=([0-9]+)/([0-9]+)")


class SalesforceClient:
    """Calls of one app; thread-safe. ``client_id`` and ``client_secret`` are the connection's login and password."""

    def __init__(self, transport: Transport, client_id: str, client_secret: str) -> None:
        self._transport = transport
        self._client_id = client_id
        self._client_secret = client_secret
        self._keeper = TokenKeeper(self._log_in)
        self._usage: tuple[int, int] | None = None
        self._user_id: str | None = None
        self._log_ins = 0

    @property
    def usage(self) -> tuple[int, int] | None:
        """API calls used and granted in the last 24 hours, as the last answer said; None before the first."""
        return self._usage

    @property
    def calls(self) -> int:
        """Calls made so far, as Salesforce counts them: log-ins are free."""
        return self._transport.budget.taken - self._log_ins

    @property
    def user_id(self) -> str | None:
        """The Run As user, as the last log-in said; None before it."""
        return self._user_id

    def allow(self, calls: int | None) -> None:
        """So many calls more and none beyond: then ApiShareUsed. None: as many as wanted."""
        self._transport.budget.allow(calls)

    def sleep(self, seconds: float) -> None:
        """Wait for something that Salesforce does by itself."""
        self._transport.sleep(seconds)

    def call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | bytes | None = None,
        *,
        headers: dict[str, str] | None = None,
        media: str = JSON,
        once: bool = False,
    ) -> Answer:
        """The answer, also when Salesforce refuses; see :func:`fieldwork.connectors.salesforce.problems.problem`.

        Raises AuthFailed after one renewal, QuotaExhausted, and what the transport raises.
        """
        sent = orjson.dumps(body) if isinstance(body, dict) else body
        token = self._keeper.current()
        how: dict[str, Any] = {"headers": headers, "media": media, "once": once}
        answer = self._send(method, path, sent, token, **how)
        if answer.status == 401:
            answer = self._send(method, path, sent, self._keeper.renew(token), **how)
        if answer.status == 401:
            raise AuthFailed(
                f"Salesforce refused a fresh token ({problems.problem(answer).code}).",
                todo="Give the app the scope api and its Run As user the permission API Enabled.",
            )
        if answer.status == 403 and problems.problem(answer).code == "REQUEST_LIMIT_EXCEEDED":
            raise problems.quota_exhausted()
        return answer

    def read(self, path: str, *, headers: dict[str, str] | None = None) -> Answer:
        """A good answer to a GET; raises RequestRefused otherwise."""
        answer = self.call("GET", path, headers=headers)
        if answer.status != 200:
            raise problems.refused(problems.problem(answer), path.partition("?")[0])
        return answer

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None,
        token: Token,
        *,
        headers: dict[str, str] | None,
        media: str,
        once: bool,
    ) -> Answer:
        bearer = {"Authorization": f"Bearer {token.value}", **(headers or {})}
        answer = self._transport.send(method, path, body=body, headers=bearer, kind="", media=media, once=once)
        used = _USAGE.search(answer.headers.get("Sforce-Limit-Info", ""))
        if used:
            self._usage = int(used[1]), int(used[2])
        return answer

    def _log_in(self) -> Token:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._client_secret,
        }
        self._log_ins += 1
        answer = self._transport.send("POST", "/services/oauth2/token", form=form, kind="")
        if answer.status != 200:
            found = problems.problem(answer)
            if found.code == "REQUEST_LIMIT_EXCEEDED":
                raise problems.quota_exhausted()
            raise AuthFailed(
                f"Salesforce gave no token for this app ({found.code}).",
                todo="Check client id and secret, the My Domain host, and that the app's client-credentials flow "
                "is on with a Run As user.",
            )
        whole = document(answer.body)
        token, instance = whole.get("access_token"), whole.get("instance_url")
        if not isinstance(token, str) or not token:
            raise AuthFailed("Salesforce's log-in answer has no token.", todo="Check the My Domain host.")
        if isinstance(instance, str) and not self._is_here(instance):
            raise ConfigError(
                f"This Salesforce org lives at {urlsplit(instance).hostname}, which is not the connection's host.",
                todo="Set the connection's host to it.",
            )
        identity = whole.get("id")
        self._user_id = identity.rstrip("/").rpartition("/")[2] if isinstance(identity, str) else None
        return Token(token)

    def _is_here(self, instance: str) -> bool:
        """Whether the org is at the address we speak to: a token is sent to no other."""
        there, here = urlsplit(instance), urlsplit(self._transport.origin)
        return (there.scheme, there.hostname, there.port) == (here.scheme, here.hostname, here.port)
