"""How the Salesforce sandbox lets clients in: tokens for credentials, calls counted against a day's allowance."""

from __future__ import annotations

import base64
import binascii
import secrets
import threading
import time
from typing import Any

from fieldwork.sandbox.salesforce_write import INTEGRATION
from fieldwork.sandbox.server import Reply, Request, json_reply


class HttpError(Exception):
    """An error answer of the REST API: one element of its array under an HTTP status."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def json_body(request: Request) -> dict[str, Any]:
    """The request's JSON object; raises HttpError when it has none."""
    try:
        body = request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise HttpError(400, "JSON_PARSER_ERROR", "The HTTP entity body is not the JSON that this resource needs")
    return body


class Door:
    """The token endpoint, and the check of every other call. ``allowed``: calls before the org answers 403."""

    def __init__(self, client_id: str, client_secret: str, allowed: int) -> None:
        #: the address that answers are to be asked at
        self.instance_url = ""
        self.allowed = allowed
        self._client = (client_id, client_secret)
        self._tokens: set[str] = set()
        self._used = 0
        self._lock = threading.Lock()

    @property
    def remaining(self) -> int:
        return self.allowed - self._used

    @property
    def usage(self) -> str:
        """The value of ``Sforce-Limit-Info``."""
        return f"api-usage={self._used}/{self.allowed}"

    def forget_tokens(self) -> None:
        """Refuse every token issued so far."""
        self._tokens = set()

    def login(self, request: Request) -> Reply:
        """``POST /services/oauth2/token``, credentials in the form or in HTTP Basic."""
        form = request.form()
        if form.get("grant_type") != "client_credentials":
            return _refusal("unsupported_grant_type", "grant type not supported")
        client, secret = _basic(request) or (form.get("client_id"), form.get("client_secret"))
        if client != self._client[0]:
            return _refusal("invalid_client_id", "client identifier invalid")
        if secret != self._client[1]:
            return _refusal("invalid_client", "invalid client credentials")
        token = f"00DSB!{secrets.token_urlsafe(32)}"
        self._tokens.add(token)
        return json_reply(
            {
                "access_token": token,
                "signature": secrets.token_urlsafe(32),
                "token_format": "opaque",
                "instance_url": self.instance_url,
                "id": f"{self.instance_url}/id/00DSB0000000ORG01/{INTEGRATION}",
                "token_type": "Bearer",
                "issued_at": str(time.time_ns() // 1_000_000),
            }
        )

    def admit(self, request: Request) -> None:
        """Raise HttpError unless the token is good and the day's calls are not used up; count the call."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() not in ("bearer", "oauth", ""):
            raise HttpError(401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE")
        if token not in self._tokens:
            raise HttpError(401, "INVALID_SESSION_ID", "Session expired or invalid")
        with self._lock:
            if self._used >= self.allowed:
                raise HttpError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
            self._used += 1


def _basic(request: Request) -> tuple[str, str] | None:
    scheme, _, coded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, secret


def _refusal(code: str, description: str) -> Reply:
    return json_reply({"error": code, "error_description": description}, 400)
