"""What was written to the sandbox, kept over a restart: an append-only journal, one JSON object a line of a file."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson


class Journal:
    """Entries in the order of writing; without a path they live as long as this object."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._kept: list[dict[str, Any]] = []
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)

    def append(self, entries: Sequence[dict[str, Any]]) -> None:
        """Write entries; they are with the operating system, so a killed sandbox has them, when this returns."""
        if self._path is None:
            self._kept += entries
            return
        lines = b"".join(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE) for entry in entries)
        with self._lock, self._path.open("ab") as file:
            file.write(lines)

    def replay(self) -> Iterator[dict[str, Any]]:
        """Every entry; a last line that a kill left half-written is cut off, its writer never got an answer."""
        if self._path is None:
            yield from list(self._kept)
            return
        if not self._path.exists():
            return
        whole = 0
        with self._path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                whole += len(line)
                yield orjson.loads(line)
        with self._path.open("rb+") as file:
            file.truncate(whole)
