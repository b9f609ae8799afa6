"""Runs a parsed SOQL query over a sheet: a mask from the conditions, an order, and JSON records page by page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fieldwork.sandbox.salesforce_schema import NUMBERS, OBJECTS, Field, SObject
from fieldwork.sandbox.salesforce_store import Store, View, take
from fieldwork.sandbox.soql import All, AnyOf, Compare, Condition, Not, Query

COMPARE: Final = {
    "=": pc.equal, "!=": pc.not_equal, "<": pc.less, "<=": pc.less_equal, ">": pc.greater, ">=": pc.greater_equal,
}  # fmt: skip
#: the Python type of a literal that a field may be compared with; text for all others
LITERALS: Final[dict[str, type]] = {
    "datetime": datetime, "date": date, "boolean": bool, **dict.fromkeys(NUMBERS, float),
}  # fmt: skip
#: the order in which a sheet lies
NATURAL: Final = (("SystemModstamp", False), ("Id", False))


class QueryError(Exception):
    """A query about things that are not there; ``code`` is Salesforce's errorCode."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class Found:
    """The answer of a query, not rendered yet: positions in a view, and the fields to show."""

    sobject: SObject
    view: View
    positions: npt.NDArray[np.int64]
    paths: tuple[tuple[str, ...], ...]
    parents: dict[str, View]

    def page(self, start: int, size: int, version: str) -> list[dict[str, Any]]:
        """Records ``start`` to ``start + size`` as JSON values."""
        rows = take(self.view.rows, self.positions[start : start + size])
        base = f"/services/data/{version}/sobjects"
        columns = {"attributes": _attributes(self.sobject.name, rows["Id"], base)}
        for path in self.paths:
            values = _rendered(*_resolve(self.sobject, path, rows, self.parents))
            if len(path) == 1:
                columns[path[0]] = values
                continue
            parents = columns.setdefault(path[0], self._parents(rows, path[0], base))
            for parent, value in zip(parents, values, strict=True):
                if parent is not None:
                    parent[path[1]] = value
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def by_id(self, version: str) -> dict[str, dict[str, Any]]:
        """Every record as JSON values, by id."""
        ids = take(self.view.rows.select(["Id"]), self.positions)["Id"].to_pylist()
        return dict(zip(ids, self.page(0, len(ids), version), strict=True))

    def _parents(self, rows: pa.Table, relationship: str, base: str) -> list[Any]:
        """An object a row for its parent's fields; null where there is no parent."""
        link = _link(self.sobject, relationship)
        known = pc.is_in(rows[link.name], value_set=self.parents[str(link.to)].rows["Id"]).to_pylist()
        attributes = _attributes(str(link.to), rows[link.name], base)
        return [{"attributes": told} if there else None for told, there in zip(attributes, known, strict=True)]


def run(store: Store, query: Query, *, deleted: bool) -> Found:
    """Evaluate; raises QueryError with INVALID_TYPE or INVALID_FIELD."""
    sobject = OBJECTS.get(query.source.lower())
    if sobject is None:
        message = f"sObject type '{query.source}' is not supported."
        raise QueryError("INVALID_TYPE", f"\n{query.text}\n{message}")
    with store.lock:
        view = store.sheets[sobject.name.lower()].view()
        parents = {f.to: store.sheets[f.to.lower()].view() for f in sobject.fields.values() if f.to}
    evaluator = _Evaluator(query, sobject, view, parents)
    paths = tuple(evaluator.path(path, column) for path, column in query.fields)
    mask = view.alive
    if not deleted:
        mask = mask & ~_mask(view.rows["IsDeleted"])
    if query.where is not None:
        mask = mask & evaluator.mask(query.where)
    positions = evaluator.ordered(np.flatnonzero(mask))
    positions = positions[query.offset : None if query.limit is None else query.offset + query.limit]
    return Found(sobject, view, positions, paths, parents)


def by_ids(store: Store, query: Query, identifiers: list[str]) -> Found:
    """The fields of ``query`` of the live records with these ids; raises QueryError with INVALID_FIELD."""
    sobject = OBJECTS[query.source.lower()]
    with store.lock:
        sheet = store.sheets[sobject.name.lower()]
        view, positions = sheet.view(), sheet.positions(identifiers)
        parents = {f.to: store.sheets[f.to.lower()].view() for f in sobject.fields.values() if f.to}
    evaluator = _Evaluator(query, sobject, view, parents)
    paths = tuple(evaluator.path(path, column) for path, column in query.fields)
    gone = _mask(take(view.rows.select(["IsDeleted"]), positions)["IsDeleted"])
    return Found(sobject, view, positions[~gone], paths, parents)


class _Evaluator:
    def __init__(self, query: Query, sobject: SObject, view: View, parents: dict[str, View]) -> None:
        self.query, self.sobject, self.view, self.parents = query, sobject, view, parents

    def path(self, text: str, column: int) -> tuple[str, ...]:
        """A field's path in the schema's own spelling; raises INVALID_FIELD."""
        steps = text.split(".")
        if len(steps) == 2 and steps[0].lower() == self.sobject.name.lower() and steps[0].lower() != "user":
            steps = steps[1:]
        sobject, spelt = self.sobject, []
        if len(steps) == 2:
            link = _link(sobject, steps[0], missing_ok=True)
            if link is None:
                raise self._no_relationship(steps[0], column)
            spelt.append(str(link.relationship))
            sobject = OBJECTS[str(link.to).lower()]
        field = sobject.fields.get(steps[-1].lower())
        if field is None or len(steps) > 2:
            raise self._no_column(steps[-1], sobject, column)
        return (*spelt, field.name)

    def mask(self, condition: Condition) -> npt.NDArray[np.bool_]:
        """Which rows hold."""
        if isinstance(condition, All):
            return np.asarray(np.logical_and.reduce([self.mask(part) for part in condition.parts]))
        if isinstance(condition, AnyOf):
            return np.asarray(np.logical_or.reduce([self.mask(part) for part in condition.parts]))
        if isinstance(condition, Not):
            return ~self.mask(condition.part)
        return self._compare(condition)

    def ordered(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Positions in the order that the query asks for; none asked for is the sheet's own."""
        order = [(self.path(o.path, o.column), o) for o in self.query.order]
        if tuple((path[-1], o.descending) for path, o in order) in (NATURAL, NATURAL[:1], ()):
            return positions
        rows = take(self.view.rows, positions)
        keys = {str(i): _resolve(self.sobject, path, rows, self.parents)[1] for i, (path, _) in enumerate(order)}
        sorting = [
            (str(i), "descending" if o.descending else "ascending", "at_end" if o.nulls_last else "at_start")
            for i, (_, o) in enumerate(order)
        ]
        return np.asarray(positions[pc.sort_indices(pa.table(keys), sort_keys=sorting).to_numpy()])

    def _compare(self, condition: Compare) -> npt.NDArray[np.bool_]:
        path = self.path(condition.path, condition.column)
        field, column = _resolve(self.sobject, path, self.view.rows, self.parents)
        many = isinstance(condition.value, tuple)
        values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
        for value in values:
            self._check_type(field, value, condition)
        if field.arrow == pa.string() and field.type not in ("id", "reference") and not field.external_id:
            column = pc.utf8_lower(column)
            values = tuple(value.lower() if isinstance(value, str) else value for value in values)
        if condition.operator == "like":
            return _mask(pc.match_substring_regex(column, _like(str(values[0]))))
        if many:
            inside = _mask(pc.is_in(column, value_set=pa.array(values, field.arrow)))
            return ~inside if condition.operator == "not in" else inside
        if values[0] is None:
            if condition.operator not in ("=", "!="):
                raise QueryError("INVALID_FIELD", self._pointing(condition.column, "null needs = or !="))
            empty = _mask(pc.is_null(column))
            return empty if condition.operator == "=" else ~empty
        holds = COMPARE[condition.operator](column, pa.scalar(values[0], field.arrow))
        return _mask(holds, missing=condition.operator == "!=")

    def _check_type(self, field: Field, value: Any, condition: Compare) -> None:
        wanted = LITERALS.get(field.type, str)
        if value is None or type(value) is wanted:
            return
        quotes = "should be enclosed in quotes" if wanted is str else "should not be enclosed in quotes"
        message = f"value of filter criterion for field '{field.name}' must be of type {field.type} and {quotes}"
        raise QueryError("INVALID_FIELD", self._pointing(condition.column, message))

    def _no_column(self, name: str, sobject: SObject, column: int) -> QueryError:
        message = (
            f"No such column '{name}' on entity '{sobject.name}'. If you are attempting to use a custom field, be sure "
            "to append the '__c' after the custom field name. Please reference your WSDL or the describe call for the "
            "appropriate names."
        )
        return QueryError("INVALID_FIELD", self._pointing(column, message))

    def _no_relationship(self, name: str, column: int) -> QueryError:
        message = (
            f"Didn't understand relationship '{name}' in field path. If you are attempting to use a custom "
            "relationship, be sure to append the '__r' after the custom relationship name."
        )
        return QueryError("INVALID_FIELD", self._pointing(column, message))

    def _pointing(self, column: int, message: str) -> str:
        around = self.query.text[max(0, column - 41) : column + 39]
        caret = " " * (min(column, 41) - 1) + "^"
        return f"\n{around}\n{caret}\nERROR at Row:1:Column:{column}\n{message}"


def _link(sobject: SObject, name: str, *, missing_ok: bool = False) -> Any:
    """The reference field behind a relationship's name."""
    for field in sobject.fields.values():
        if field.relationship and field.relationship.lower() == name.lower():
            return field
    if missing_ok:
        return None
    raise LookupError(name)


def _resolve(sobject: SObject, path: tuple[str, ...], rows: pa.Table, parents: dict[str, View]) -> tuple[Field, Any]:
    """A path's field and its values for these rows."""
    if len(path) == 1:
        return sobject.fields[path[0].lower()], rows[path[0]]
    link = _link(sobject, path[0])
    parent = OBJECTS[str(link.to).lower()]
    live = parents[str(link.to)]
    table = live.rows.filter(pa.array(live.alive))
    at = pc.index_in(rows[link.name], value_set=table["Id"])
    return parent.fields[path[1].lower()], table[path[1]].take(at)


def _attributes(name: str, ids: Any, base: str) -> list[Any]:
    return [{"type": name, "url": f"{base}/{name}/{identifier}"} for identifier in ids.to_pylist()]


def _rendered(field: Field, column: Any) -> list[Any]:
    if field.type == "datetime":
        text = column.cast(pa.timestamp("ms", tz="UTC"), safe=False).cast(pa.timestamp("ms")).cast(pa.string())
        joined = pc.binary_join_element_wise(pc.replace_substring(text, " ", "T"), "+0000", "")
        return list(joined.to_pylist())
    if field.type in NUMBERS:
        whole = pc.if_else(pc.is_finite(column), column, pa.scalar(None, pa.float64())).to_pylist()
        return [int(n) if n is not None and field.scale == 0 and n == int(n) else n for n in whole]
    if field.type == "date":
        return list(column.cast(pa.string()).to_pylist())
    return list(column.to_pylist())


def _mask(flags: Any, *, missing: bool = False) -> npt.NDArray[np.bool_]:
    array = pc.fill_null(flags, missing)
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    return np.asarray(array.to_numpy(zero_copy_only=False), np.bool_)


def _like(pattern: str) -> str:
    parts = (".*" if c == "%" else "." if c == "_" else re.escape(c) for c in pattern)
    return f"(?s)^{''.join(parts)}$"
