"""What the command line shows: bars while it works, one clear paragraph when it cannot."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

from fieldwork.errors import FieldworkError
from fieldwork.steps.progress import Progress


def _console(stderr: bool) -> Console:
    """A terminal is as wide as it is; a file or a pipe gets room for every column."""
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, 110)
    return console


#: Control characters, as Unicode's pictures of them; line ends and tabs stay.
_VISIBLE: Final = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"} | {
    0x7F: 0x2421,
    0x9B: 0x241B,
}

out: Final = _console(stderr=False)
err: Final = _console(stderr=True)


def problem(error: FieldworkError) -> None:
    """What happened, and what to do."""
    err.print(f"[bold red]{error.code}[/] {escape(error.happened)}", soft_wrap=True)
    err.print(f"[bold]What to do:[/] {escape(error.todo)}", soft_wrap=True)


def plain(cell: Any) -> Text:
    """A cell of a table as it is: nothing in it is taken for markup, and control characters cannot steer a terminal."""
    text = "" if cell is None else str(cell)
    return Text(text.translate(_VISIBLE))


@contextlib.contextmanager
def bars() -> Iterator[Progress]:
    """A Progress that draws a bar per label on a terminal, and writes a line per finished label elsewhere."""
    if not err.is_terminal:
        yield _Lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with RichProgress(*columns, console=err, transient=False) as rich:
        yield _Bars(rich)


class _Bars:
    def __init__(self, rich: RichProgress) -> None:
        self._rich = rich
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    def __call__(self, label: str, done: int, total: int | None) -> None:
        with self._lock:
            if label not in self._tasks:
                self._tasks[label] = self._rich.add_task(label, total=total)
            self._rich.update(self._tasks[label], completed=done, total=total)


class _Lines:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said: set[str] = set()

    def __call__(self, label: str, done: int, total: int | None) -> None:
        with self._lock:
            if total is None or done < total or label in self._said:
                return
            self._said.add(label)
            err.print(f"{label}: {done:,} of {total:,}")
