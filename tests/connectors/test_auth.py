from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from fieldwork.connectors.auth import Token, TokenKeeper
from fieldwork.errors import AuthFailed


def test_a_token_is_fetched_once_and_again_before_its_end() -> None:
    now, fetched = [0.0], []

    def fetch() -> Token:
        fetched.append(now[0])
        return Token(f"t{len(fetched)}", lasts_s=7200)

    keeper = TokenKeeper(fetch, clock=lambda: now[0])
    assert [keeper.current().value for _ in range(3)] == ["t1"] * 3
    now[0] = 6599
    assert keeper.current().value == "t1"
    now[0] = 6601
    assert keeper.current().value == "t2"
    assert fetched == [0.0, 6601]


def test_eight_threads_refused_at_once_renew_once() -> None:
    fetched: list[int] = []

    def fetch() -> Token:
        fetched.append(1)
        time.sleep(0.05)
        return Token("the same text every time")

    keeper = TokenKeeper(fetch)
    refused = keeper.current()
    barrier = threading.Barrier(8)

    def one(_: int) -> Token:
        barrier.wait()
        return keeper.renew(refused)

    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(one, range(8)))
    assert len(fetched) == 2 and len(tokens) == 1 and refused not in tokens


def test_refused_credentials_are_tried_once_only() -> None:
    tried: list[int] = []

    def fetch() -> Token:
        tried.append(1)
        raise AuthFailed("No.", todo="Mend it.")

    keeper = TokenKeeper(fetch)
    for _ in range(3):
        with pytest.raises(AuthFailed, match="No"):
            keeper.current()
    assert tried == [1]


def test_a_token_does_not_print_itself() -> None:
    assert "canary" not in repr(Token("canary"))
