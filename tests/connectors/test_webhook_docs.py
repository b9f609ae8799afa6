"""The receivers in docs/webhooks.md accept our messages, and refuse what was altered or replayed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from fieldwork.connectors.webhook import envelope, signature
from fieldwork.connectors.webhook.endpoints import _KEYS
from fieldwork.settings import ROOT

from .receiver import OLD, SECRET
from .test_webhook_target import EVENT

PAGE = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
BODY = envelope.document(EVENT, "urn:test")


def _block(language: str) -> str:
    (body,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(body)


def _in_python(secret: str, headers: dict[str, str], body: bytes) -> str:
    space: dict[str, Any] = {}
    exec(_block("python"), space)
    return str(space["receive"](secret, {**headers, "content-type": envelope.MEDIA}, body).get_id())


def _in_javascript(secret: str, headers: dict[str, str], body: bytes) -> str:
    told = json.dumps([secret, headers, body.decode()])
    done = subprocess.run(
        ["node", "-e", f"{_block('javascript')}\nconsole.log(verify(...{told}).id)"],
        capture_output=True, text=True, check=True, timeout=20,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.mark.parametrize(
    "receive",
    [
        _in_python,
        pytest.param(_in_javascript, marks=pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")),
    ],
)
def test_the_receiver_of_the_page_believes_us_and_nobody_else(receive: Callable[..., str]) -> None:
    signers, now = [signature.signer(one, "x") for one in (SECRET, OLD)], int(time.time())
    good = signature.headers(signers, EVENT.id, now, BODY)
    assert receive(OLD, good, BODY) == EVENT.id
    for bad in (
        (SECRET, good, BODY.replace(b"verified", b"rejected")),
        (SECRET, signature.headers(signers, EVENT.id, now - 400, BODY), BODY),
        (signature.new_secret(), good, BODY),
    ):
        with pytest.raises(Exception, match=r"signature|too old|status 1|exit"):
            receive(*bad)


def test_every_key_of_an_endpoint_is_on_the_page() -> None:
    table = PAGE.partition("| key | default |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)))) == _KEYS


def test_every_type_is_on_the_page() -> None:
    assert set(re.findall(r"^\| `(fieldwork\.[\w.]+)` \|", PAGE, re.MULTILINE)) == set(envelope.TYPES.values())
