"""A token, fetched when first needed and renewed once when the system refuses it, by one thread for all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from fieldwork.errors import AuthFailed


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """What the system gave; ``lasts_s`` in seconds, None when it does not say (Salesforce).

    Compared by identity: DingTalk answers a renewal with the same text.
    """

    value: str = field(repr=False)
    lasts_s: float | None = None


class TokenKeeper:
    """Holds one system's token for all threads.

    ``fetch`` asks the system; it raises AuthFailed when the credentials are refused, which is remembered: eight
    threads must not try a wrong secret eight times and lock the account. While one thread fetches, the others wait
    and take what it brought (single flight).
    """

    #: A token is given up this long before its end: a slow call must not outlive it.
    MARGIN_S = 600.0

    def __init__(self, fetch: Callable[[], Token], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._good_until = 0.0
        self._refusal: AuthFailed | None = None

    def current(self) -> Token:
        """The token to use now."""
        with self._lock:
            if self._token is None or self._clock() >= self._good_until:
                return self._renewed()
            return self._token

    def renew(self, refused: Token) -> Token:
        """A token in place of the one the system refused; what another thread has renewed meanwhile will do."""
        with self._lock:
            if self._token is None or self._token is refused:
                return self._renewed()
            return self._token

    def _renewed(self) -> Token:
        if self._refusal is not None:
            raise AuthFailed(self._refusal.happened, todo=self._refusal.todo)
        try:
            token = self._fetch()
        except AuthFailed as refusal:
            self._refusal = refusal
            raise
        lasts = float("inf") if token.lasts_s is None else max(token.lasts_s - self.MARGIN_S, token.lasts_s / 2)
        self._token, self._good_until = token, self._clock() + lasts
        return token
