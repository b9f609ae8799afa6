"""Processor seconds of a piece of work: those of this process and of the PostgreSQL server that works for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_TICK: Final = os.sysconf("SC_CLK_TCK")


def seconds(postmaster: int) -> float:
    """Spent so far by this process, and by the server with this pid and its children, ended ones included."""
    own = os.times()
    return own.user + own.system + sum(_of(pid, ended=pid == postmaster) for pid in _family(postmaster))


def _family(postmaster: int) -> Iterator[int]:
    yield postmaster
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _parent(int(entry.name)) == postmaster:
            yield int(entry.name)


def _fields(pid: int) -> list[str]:
    """What follows the name of the program in /proc/<pid>/stat; empty when the process has just gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return []


def _parent(pid: int) -> int:
    fields = _fields(pid)
    return int(fields[1]) if fields else 0


def _of(pid: int, *, ended: bool) -> float:
    fields = _fields(pid)
    return sum(map(int, fields[11 : 15 if ended else 13])) / _TICK if fields else 0.0
