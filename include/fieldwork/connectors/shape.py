"""Which fields a system's records have on the wire, so that a change of theirs is noticed before it does harm.

A system that describes its objects is asked; of one that does not, pages are sampled on their way through: of each call
all until a few hundred records were seen, then ever fewer. Names, kinds and lengths are kept, never values.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, runtime_checkable

import orjson

from fieldwork.connectors.cells import storable

#: Records of a page that are looked at, spread over it. When so many were seen, only pages whose number is a power of
#: two are looked at.
_RECORDS: Final = 200
#: Fields of a call that are kept apart: where names are made of data (an id, a date), there is no end of them.
_FIELDS: Final = 500
#: A kind of value counts when at least one value in so many is of it.
_FEW: Final = 5
#: Kinds of value as JSON tells them apart; whole and broken numbers are one kind.
_KINDS: Final[Mapping[type, str]] = {
    str: "text",
    bool: "boolean",
    int: "number",
    float: "number",
    dict: "object",
    list: "list",
}


@dataclass(frozen=True, slots=True)
class FieldSeen:
    """One field of a call's records: ``present`` of ``looked_at`` records had a value there, of these ``kinds``.

    ``name`` is the call and the field, with a blank between. ``mapped``: we read it; such a field is told of even if
    no record had it. A kind that few values have is an odd cell, for the rules about rows, and is left out.
    ``longest``: characters of the longest text, or how many the system allows.
    """

    name: str
    mapped: bool
    kinds: tuple[str, ...]
    looked_at: int
    present: int
    longest: int = 0


@runtime_checkable
class Shaped(Protocol):
    """A source that can tell the shape of its records."""

    def shape(self, stream: str) -> Sequence[FieldSeen]:
        """The fields of the stream's records as far as they are known; none when nothing was looked at."""
        ...


@dataclass(slots=True)
class _Call:
    """What was seen of one call's records."""

    mapped: tuple[str, ...]
    pages: int = 0
    looked_at: int = 0
    present: Counter[str] = field(default_factory=Counter)
    kinds: dict[str, Counter[str]] = field(default_factory=dict)
    longest: Counter[str] = field(default_factory=Counter)


class Sampler:
    """Looks at a few pages of each call; thread-safe."""

    def __init__(self) -> None:
        self._calls: dict[str, _Call] = {}
        self._lock = threading.Lock()

    def page(self, call: str, body: bytes, at: str, mapped: Iterable[str]) -> None:
        """A page goes by: its records are the list ``at`` (``outer.inner``). A body that is no JSON tells nothing."""
        if not self._is_looked_at(call, mapped):
            return
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError:
            return
        for step in at.split("."):
            found = found.get(step) if isinstance(found, dict) else None
        if isinstance(found, list):
            self.records(call, found, mapped)

    def records(self, call: str, records: Sequence[Any], mapped: Iterable[str]) -> None:
        """Records go by."""
        step = max(1, len(records) // _RECORDS)
        some = [record for record in records[::step] if isinstance(record, dict)]
        with self._lock:
            seen = self._calls.setdefault(call, _Call(tuple(mapped)))
            seen.looked_at += len(some)
            for record in some:
                for name, value in record.items():
                    if value is not None and value != "" and _is_kept(seen, name):
                        _note(seen, name, value)

    def seen(self, calls: Iterable[str]) -> Iterator[FieldSeen]:
        """What was seen of these calls' records so far."""
        with self._lock:
            for call in calls:
                known = self._calls.get(call)
                if known is not None and known.looked_at:
                    for name in sorted({*known.mapped, *known.present}):
                        present = known.present[name]
                        kinds = tuple(sorted(k for k, n in known.kinds.get(name, {}).items() if n * _FEW >= present))
                        counts = known.looked_at, present, known.longest[name]
                        yield FieldSeen(f"{call} {name}", name in known.mapped, kinds, *counts)

    def _is_looked_at(self, call: str, mapped: Iterable[str]) -> bool:
        with self._lock:
            seen = self._calls.setdefault(call, _Call(tuple(mapped)))
            seen.pages += 1
            return seen.looked_at < _RECORDS or seen.pages & (seen.pages - 1) == 0


def _is_kept(seen: _Call, name: str) -> bool:
    """Whether the field is one of those kept apart; a name that cannot be stored is none."""
    return name in seen.present or (len(seen.present) < _FIELDS and len(name) <= 100 and storable(name) is not None)


def _note(seen: _Call, name: str, value: Any) -> None:
    seen.present[name] += 1
    seen.kinds.setdefault(name, Counter())[_KINDS.get(type(value), "other")] += 1
    if isinstance(value, str):
        seen.longest[name] = max(seen.longest[name], len(value))
