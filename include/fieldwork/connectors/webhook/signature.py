"""Standard Webhooks signatures: over ``{id}.{timestamp}.{body}``, by every secret that is valid now.

``whsec_…`` signs with HMAC-SHA256 (``v1``), ``whsk_…`` with Ed25519 (``v1a``: the receiver holds only the public key).
While a secret is being replaced both old and new sign, and a receiver that knows either is content.
Source: github.com/standard-webhooks/standard-webhooks, spec 1.0.0.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from fieldwork.errors import ConfigError

SYMMETRIC: Final = "whsec_"
PRIVATE: Final = "whsk_"
PUBLIC: Final = "whpk_"
#: Bytes of an HMAC secret, by the specification; of an Ed25519 seed.
SHORTEST, LONGEST, SEED = 24, 64, 32


class Signer(Protocol):
    """One secret."""

    def sign(self, content: bytes) -> str:
        """The signature with its version, as it stands in the header."""
        ...


@dataclass(frozen=True, slots=True)
class Shared:
    """A secret that sender and receiver share."""

    secret: bytes = field(repr=False)

    def sign(self, content: bytes) -> str:
        return "v1," + base64.b64encode(hmac.digest(self.secret, content, "sha256")).decode()


@dataclass(frozen=True, slots=True)
class Paired:
    """The private half of a key pair; ``seed`` is what Ed25519 keys are made of."""

    seed: bytes = field(repr=False)

    def sign(self, content: bytes) -> str:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return "v1a," + base64.b64encode(Ed25519PrivateKey.from_private_bytes(self.seed).sign(content)).decode()

    def public(self) -> str:
        """The public half, for the receiver."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        key = Ed25519PrivateKey.from_private_bytes(self.seed).public_key()
        return PUBLIC + base64.b64encode(key.public_bytes_raw()).decode()


def signer(text: str, whose: str) -> Signer:
    """The secret in its written form; raises ConfigError that says what a secret looks like, never the secret."""
    raw = _decoded(text.removeprefix(SYMMETRIC).removeprefix(PRIVATE))
    if text.startswith(SYMMETRIC) and raw is not None and SHORTEST <= len(raw) <= LONGEST:
        return Shared(raw)
    if text.startswith(PRIVATE) and raw is not None and len(raw) == SEED:
        return Paired(raw)
    raise ConfigError(
        f"The secret of webhook {whose} is none.",
        todo=f"It is {SYMMETRIC} and Base64 of {SHORTEST} to {LONGEST} bytes: `fieldwork webhooks secret` makes one.",
    )


def headers(signers: Sequence[Signer], event_id: str, at: int, body: bytes) -> dict[str, str]:
    """The three headers of one attempt; ``at`` is its time in seconds since 1970, ``event_id`` holds no full stop."""
    content = f"{event_id}.{at}.".encode() + body
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(one.sign(content) for one in signers),
    }


def new_secret() -> str:
    """A fresh secret for both sides."""
    return SYMMETRIC + base64.b64encode(secrets.token_bytes(SEED)).decode()


def new_pair() -> tuple[str, str]:
    """A fresh key pair: the private half for us, the public one for the receiver."""
    seed = secrets.token_bytes(SEED)
    return PRIVATE + base64.b64encode(seed).decode(), Paired(seed).public()


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
