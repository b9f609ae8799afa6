"""Ids as the vendors shape them, made by the column."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from fieldwork.sandbox.city_random import Ints

_BASE62: Final = np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", dtype=np.uint8)
_CHECKSUM: Final = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", dtype=np.uint8)
_WEIGHTS: Final = np.array([1, 2, 4, 8, 16])


def crm_ids(prefix: str, numbers: Ints) -> pa.Array:
    """18-character Salesforce ids: a 5-character prefix, the number in base 62, and the real 3-letter checksum.

    Ids differ by the case of a letter alone, as Salesforce's do; the checksum says which letters are upper case, so
    that they stay apart where case is lost.
    """
    body = np.empty((len(numbers), 15), dtype=np.uint8)
    body[:, :5] = np.frombuffer(prefix.encode("ascii"), dtype=np.uint8)
    powers = 62 ** np.arange(9, -1, -1)
    body[:, 5:] = _BASE62[numbers[:, None] // powers % 62]
    upper = (body >= ord("A")) & (body <= ord("Z"))
    checksum = _CHECKSUM[upper.reshape(-1, 3, 5) @ _WEIGHTS]
    return _fixed_width(np.concatenate([body, checksum], axis=1))


def digit_ids(first: int, count: int) -> pa.Array:
    """``count`` ids of digits alone, counting up from ``first``."""
    return pa.array(first + np.arange(count)).cast(pa.string())


def _fixed_width(characters: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> pa.Array:
    rows, width = characters.shape
    offsets = np.arange(rows + 1, dtype=np.int32) * width
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(characters)))
