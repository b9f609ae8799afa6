"""Chance, repeatable: one stream of numbers per topic, so that a new topic leaves the others as they were.

Only ``Generator.random`` is used (uniform doubles of PCG64), the part of numpy's generators that versions keep.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Shape = int | tuple[int, ...]


class Draws:
    """Random arrays of one topic of one city."""

    def __init__(self, seed: int, topic: str) -> None:
        self._source = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, zlib.crc32(topic.encode())])))

    def uniform(self, low: float, high: float, shape: Shape) -> Floats:
        """Doubles in ``[low, high)``."""
        return low + (high - low) * self._source.random(shape)

    def between(self, low: int, high: int, shape: Shape) -> Ints:
        """Whole numbers from ``low`` to ``high``, both included."""
        return low + (self._source.random(shape) * (high - low + 1)).astype(np.int64)

    def chance(self, share: float, shape: Shape) -> Flags:
        """True in ``share`` of the places."""
        return self._source.random(shape) < share

    def pick(self, weights: dict[str, float], shape: Shape) -> Ints:
        """The position of one of the names, by weight; the weights add up to 1."""
        edges = np.cumsum(list(weights.values()))[:-1]
        return np.searchsorted(edges, self._source.random(shape), side="right").astype(np.int64)

    def order(self, shape: Shape) -> Ints:
        """A random order of the last axis, for each row."""
        return np.argsort(self._source.random(shape), axis=-1, kind="stable")
