"""Signatures that an independent library accepts, and refuses when anything about the message is not as it was."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from fieldwork.connectors.webhook import signature
from fieldwork.errors import ConfigError

from .receiver import OLD, SECRET

BODY = '{"text":"外勤 \\u0000 a.b"}'.encode()


def _headers(*secrets: str, at: int | None = None) -> dict[str, str]:
    signers = [signature.signer(one, "n8n") for one in secrets]
    return signature.headers(signers, "msg-1", int(time.time()) if at is None else at, BODY)


def test_the_signature_is_the_one_of_the_library() -> None:
    now = int(time.time())
    theirs = Webhook(SECRET).sign("msg-1", datetime.fromtimestamp(now, UTC), BODY.decode())
    assert _headers(SECRET, at=now)["webhook-signature"] == theirs
    Webhook(SECRET).verify(BODY, _headers(SECRET))


@pytest.mark.parametrize("secret", [SECRET, OLD])
def test_while_a_secret_is_replaced_both_are_valid(secret: str) -> None:
    Webhook(secret).verify(BODY, _headers(SECRET, OLD))


@pytest.mark.parametrize(
    "change",
    [
        lambda body, headers: (body.replace(b"a.b", b"a.c"), headers),
        lambda body, headers: (body + b" ", headers),
        lambda body, headers: (body, headers | {"webhook-id": "msg-2"}),
        lambda body, headers: (body, headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}),
        lambda body, headers: (body, _headers(SECRET, at=int(time.time()) - 301)),
        lambda body, headers: (body, _headers(SECRET, at=int(time.time()) + 301)),
        lambda body, headers: (body, _headers(OLD)),
        lambda body, headers: (body, {k: v for k, v in headers.items() if k != "webhook-signature"}),
    ],
    ids=["body", "longer", "id", "time", "old", "future", "other-secret", "unsigned"],
)
def test_an_altered_or_replayed_message_is_refused(change: object) -> None:
    body, headers = change(BODY, _headers(SECRET))  # type: ignore[operator]
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body, headers)


def test_a_key_pair_signs_v1a_beside_v1() -> None:
    private, public = signature.new_pair()
    headers = _headers(SECRET, private)
    Webhook(SECRET).verify(BODY, headers)
    version, _, signed = headers["webhook-signature"].split(" ")[1].partition(",")
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_")))
    content = f"msg-1.{headers['webhook-timestamp']}.".encode() + BODY
    key.verify(base64.b64decode(signed), content)
    with pytest.raises(InvalidSignature):
        key.verify(base64.b64decode(signed), content + b" ")
    assert version == "v1a"


@pytest.mark.parametrize(
    "text",
    ["", "secret-canary", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64!", "whsk_c2hvcnQ=", "whpk_" + "A" * 43 + "=",
     "whsec_" + base64.b64encode(b"x" * 65).decode()],
)  # fmt: skip
def test_what_is_no_secret_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ConfigError, match="n8n") as raised:
        signature.signer(text, "n8n")
    assert "canary" not in str(raised.value)


def test_secrets_do_not_show() -> None:
    made = signature.new_secret()
    assert made != signature.new_secret()
    assert "secret=" not in repr(signature.signer(made, "x")) and made[6:20] not in repr(signature.signer(made, "x"))
