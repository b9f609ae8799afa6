"""How a step says how far it is; the command line draws a bar, a DAG's log gets a line now and then."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """``done`` of ``total`` units (total None = unknown) of the thing that ``label`` names."""

    def __call__(self, label: str, done: int, total: int | None) -> None: ...


def silent(label: str, done: int, total: int | None) -> None:
    """Says nothing."""
