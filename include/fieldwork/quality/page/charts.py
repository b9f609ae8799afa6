"""The geometry of the page's charts: where things stand and how large they are. The template draws them as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

#: Width of a bar and of a chart of columns, in the units of their own view boxes.
BAR: Final = 1000.0
WIDE: Final = 640.0
HIGH: Final = 150.0
#: Room for the numbers left of the columns, and above them.
LEFT: Final = 56.0
TOP: Final = 8.0
#: Labels below the columns, at the most.
LABELS: Final = 7


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bar; ``kind`` names its colour, ``told`` is what the reader hears and sees on pointing."""

    x: float
    width: float
    kind: str
    told: str


@dataclass(frozen=True, slots=True)
class Column:
    """One column; ``kind`` is marked (the run that the page is about), failed or nothing."""

    x: float
    y: float
    width: float
    height: float
    told: str
    kind: str


@dataclass(frozen=True, slots=True)
class Columns:
    """A chart: columns, lines across with their numbers, and labels below."""

    columns: Sequence[Column]
    lines: Sequence[tuple[float, str]]
    labels: Sequence[tuple[float, str]]


def bar(parts: Iterable[tuple[str, str, float]], whole: float) -> list[Segment]:
    """Parts (kind, told, value) laid end to end; ``whole`` fills the bar. What is 0 is left out."""
    segments, x = [], 0.0
    for kind, told, value in parts:
        width = BAR * value / whole if whole else 0.0
        if width > 0:
            segments.append(Segment(round(x, 2), round(max(width, 1.5), 2), kind, told))
            x += width
    return segments


def span(start: float, length: float, whole: float, kind: str, told: str) -> list[Segment]:
    """One part that begins somewhere: a step in the time of its run."""
    if whole <= 0:
        return []
    width = max(BAR * length / whole, 2.0)
    return [Segment(round(min(BAR * start / whole, BAR - width), 2), round(width, 2), kind, told)]


def columns(values: Sequence[float], labels: Sequence[str], told: Sequence[str], failed: Sequence[bool]) -> Columns:
    """A column for each value, the last one marked."""
    top = ceiling(max(values, default=0.0))
    step = (WIDE - LEFT) / max(len(values), 1)
    width = min(step * 0.62, 34.0)
    found = []
    for n, value in enumerate(values):
        height = HIGH * value / top
        x = LEFT + step * n + (step - width) / 2
        kind = "failed" if failed[n] else "marked" if n == len(values) - 1 else ""
        found.append(
            Column(round(x, 1), round(TOP + HIGH - height, 1), round(width, 1), round(height, 1), told[n], kind)
        )
    every = math.ceil(len(values) / LABELS) or 1
    return Columns(
        columns=found,
        lines=[(round(TOP + HIGH * (1 - part), 1), _short(top * part)) for part in (0.0, 0.5, 1.0)],
        labels=[
            (round(LEFT + step * (n + 0.5), 1), label)
            for n, label in enumerate(labels)
            if (len(labels) - 1 - n) % every == 0
        ],
    )


def ceiling(value: float) -> float:
    """The next round number that is not smaller: 1, 2 or 5 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1.0, 2.0, 5.0, 10.0) if value <= step * power * (1 + 1e-9))


def _short(number: float) -> str:
    """1,200 as 1.2k: numbers beside a chart must be short."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{letter}"
    return f"{number:.3g}"
