"""SOQL, as much of it as connectors send: text in, a :class:`Query` out, or :class:`SoqlError`.

``select`` fields, ``count()``, or columns of groups ``from`` object [``where`` …] [``group by`` …] [``order by`` …]
[``limit`` n] [``offset`` n], with ``and or not``, parentheses, ``= != < <= > >= like in not in``; datetimes and dates
unquoted, strings in quotes. Columns of groups are ``count(f)``, ``sum(f)``, ``day_only(f)`` or a field, with an alias.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

Literal = str | float | bool | datetime | date | None


class SoqlError(Exception):
    """A query that cannot be parsed; the message is what MALFORMED_QUERY carries."""


@dataclass(frozen=True, slots=True)
class Compare:
    """``path operator value``; the value of IN and NOT IN is a tuple. ``column`` counts from 1 in the query's text."""

    path: str
    operator: str
    value: Literal | tuple[Literal, ...]
    column: int


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Condition


Condition = Compare | All | AnyOf | Not


@dataclass(frozen=True, slots=True)
class Order:
    path: str
    descending: bool
    nulls_last: bool
    column: int


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a query that groups: ``function`` is count, sum, day_only or empty; ``name`` is the answer's."""

    function: str
    path: str
    column: int
    name: str


@dataclass(frozen=True, slots=True)
class Query:
    """``fields`` as (path, column in the text); empty when the query counts or groups.

    A query that groups has ``columns``, and in ``group`` what it groups by (function, path).
    """

    text: str
    fields: tuple[tuple[str, int], ...]
    source: str
    where: Condition | None
    order: tuple[Order, ...]
    limit: int | None
    offset: int
    columns: tuple[Column, ...] = ()
    group: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    column: int


_TOKENS: Final = re.compile(
    r"""\s*(?:
      (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
    | (?P<date>\d{4}-\d\d-\d\d)
    | (?P<number>[+-]?\d+(?:\.\d+)?)
    | (?P<string>'(?:[^'\\]|\\.)*')
    | (?P<name>[A-Za-z_][A-Za-z0-9_.]*)
    | (?P<operator><=|>=|!=|<>|[=<>(),])
    )""",
    re.VERBOSE,
)
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_NAMED: Final[dict[str, Literal]] = {"true": True, "false": False, "null": None}
_CLAUSES: Final = ("from", "where", "group", "order", "limit", "offset")
_FUNCTIONS: Final = ("count", "sum", "day_only")


def parse(text: str) -> Query:
    """The query of this text."""
    return _Parser(text).query()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _tokens(text)
        self.at = 0

    def query(self) -> Query:
        self.keyword("select")
        fields, columns = self.selected()
        self.keyword("from")
        source = self.name()
        where = self.either() if self.accept("where") else None
        group = self.group() if self.accept("group") else ()
        if group and not columns:
            columns, fields = tuple(Column("", path, at, path) for path, at in fields), ()
        self.refuse_ungrouped(columns, group)
        order: list[Order] = []
        if self.accept("order"):
            self.keyword("by")
            order.append(self.order())
            while self.symbol(","):
                order.append(self.order())
        limit = self.whole() if self.accept("limit") else None
        offset = self.whole() if self.accept("offset") else 0
        if self.peek() is not None:
            raise self.unexpected()
        return Query(self.text, fields, source, where, tuple(order), limit, offset, columns, group)

    def selected(self) -> tuple[tuple[tuple[str, int], ...], tuple[Column, ...]]:
        """Plain fields, or the columns of a query that groups; neither for ``count()``."""
        if [token.text.lower() for token in self.tokens[self.at : self.at + 3]] == ["count", "(", ")"]:
            self.at += 3
            return (), ()
        found = [self.shown()]
        while self.symbol(","):
            found.append(self.shown())
        if not any(function or name for function, _, _, name in found):
            return tuple((path, column) for _, path, column, _ in found), ()
        unnamed = iter(range(len(found)))
        columns = tuple(
            Column(function, path, column, name or (f"expr{next(unnamed)}" if function else path))
            for function, path, column, name in found
        )
        return (), columns

    def shown(self) -> tuple[str, str, int, str]:
        """Function or empty, path, column in the text, alias or empty."""
        function, path, column = self.called()
        following = self.peek()
        if following and following.kind == "name" and following.text.lower() not in _CLAUSES:
            self.at += 1
            return function, path, column, following.text
        return function, path, column, ""

    def called(self) -> tuple[str, str, int]:
        following = self.tokens[self.at + 1] if self.at + 1 < len(self.tokens) else None
        first = self.peek()
        if first is None or following is None or following.text != "(":
            return "", *self.path()
        if first.text.lower() not in _FUNCTIONS:
            raise self.unexpected()
        self.at += 2
        path, column = self.path()
        if not self.symbol(")"):
            raise self.unexpected()
        return first.text.lower(), path, column

    def group(self) -> tuple[tuple[str, str], ...]:
        self.keyword("by")
        found = [self.called()[:2]]
        while self.symbol(","):
            found.append(self.called()[:2])
        return tuple(found)

    def refuse_ungrouped(self, columns: tuple[Column, ...], group: tuple[tuple[str, str], ...]) -> None:
        for column in columns:
            if column.function not in ("count", "sum") and (column.function, column.path) not in group:
                raise SoqlError(f"Field must be grouped or aggregated: {column.path}")

    def either(self) -> Condition:
        parts = [self.both()]
        while self.accept("or"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def both(self) -> Condition:
        parts = [self.one()]
        while self.accept("and"):
            parts.append(self.one())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def one(self) -> Condition:
        if self.accept("not"):
            return Not(self.one())
        if self.symbol("("):
            inner = self.either()
            if not self.symbol(")"):
                raise self.unexpected()
            return inner
        path, column = self.path()
        if self.accept("not"):
            self.keyword("in")
            return Compare(path, "not in", self.values(), column)
        if self.accept("in"):
            return Compare(path, "in", self.values(), column)
        if self.accept("like"):
            return Compare(path, "like", self.literal(), column)
        operator = self.next("operator")
        if operator.text in "(),":
            raise self.unexpected(back=1)
        return Compare(path, {"<>": "!="}.get(operator.text, operator.text), self.literal(), column)

    def values(self) -> tuple[Literal, ...]:
        if not self.symbol("("):
            raise self.unexpected()
        values = [self.literal()]
        while self.symbol(","):
            values.append(self.literal())
        if not self.symbol(")"):
            raise self.unexpected()
        return tuple(values)

    def literal(self) -> Literal:
        token = self.peek()
        if token is None:
            raise self.unexpected()
        self.at += 1
        if token.kind == "string":
            return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), token.text[1:-1])
        if token.kind == "number":
            return float(token.text)
        if token.kind == "name" and token.text.lower() in _NAMED:
            return _NAMED[token.text.lower()]
        try:
            if token.kind == "datetime":
                return datetime.fromisoformat(token.text).astimezone(UTC)
            if token.kind == "date":
                return date.fromisoformat(token.text)
        except ValueError:
            pass
        raise self.unexpected(back=1)

    def order(self) -> Order:
        path, column = self.path()
        descending = self.accept("desc")
        if not descending:
            self.accept("asc")
        nulls_last = False
        if self.accept("nulls"):
            nulls_last = self.accept("last")
            if not nulls_last:
                self.keyword("first")
        return Order(path, descending, nulls_last, column)

    def path(self) -> tuple[str, int]:
        token = self.next("name")
        if token.text.lower() in _CLAUSES:
            raise self.unexpected(back=1)
        return token.text, token.column

    def name(self) -> str:
        return self.next("name").text

    def whole(self) -> int:
        token = self.next("number")
        if not token.text.isdigit():
            raise self.unexpected(back=1)
        return int(token.text)

    def peek(self) -> _Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def next(self, kind: str) -> _Token:
        token = self.peek()
        if token is None or token.kind != kind:
            raise self.unexpected()
        self.at += 1
        return token

    def accept(self, word: str) -> bool:
        token = self.peek()
        if token is None or token.kind != "name" or token.text.lower() != word:
            return False
        self.at += 1
        return True

    def keyword(self, word: str) -> None:
        if not self.accept(word):
            raise self.unexpected()

    def symbol(self, text: str) -> bool:
        token = self.peek()
        if token is None or token.kind != "operator" or token.text != text:
            return False
        self.at += 1
        return True

    def unexpected(self, back: int = 0) -> SoqlError:
        at = self.at - back
        if at < len(self.tokens):
            return SoqlError(f"unexpected token: '{self.tokens[at].text}'")
        return SoqlError("unexpected token: '<EOF>'")


def _tokens(text: str) -> list[_Token]:
    found, position = [], 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKENS.match(text, position)
        if match is None or match.lastgroup is None:
            raise SoqlError(f"unexpected token: '{text[position:].split()[0]}'")
        kind = match.lastgroup
        found.append(_Token(kind, match[kind], match.start(kind) + 1))
        position = match.end()
    return found
