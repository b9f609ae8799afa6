"""Who may punch: departments walked down from the root, their members, each person once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from fieldwork.connectors.canonical import Draft
from fieldwork.connectors.cells import storable
from fieldwork.connectors.contact import emails, known, mobiles
from fieldwork.connectors.dingtalk.client import DingTalkClient
from fieldwork.connectors.dingtalk.options import Options
from fieldwork.connectors.json_arrow import Page
from fieldwork.connectors.paging import pages
from fieldwork.errors import BadResponse, CursorLoop
from fieldwork.streams import STREAMS

PATH: Final = "/topapi/v2/user/list"
_PAGE: Final = 100
_PARALLEL: Final = 8
#: A company's tree of departments is not deeper; a loop in it would be.
_DEEPEST: Final = 50

_FIELDS: Final = {
    "userid": pa.string(),
    "name": pa.string(),
    "job_number": pa.string(),
    "mobile": pa.string(),
    "email": pa.string(),
    "org_email": pa.string(),
    "hired_date": pa.int64(),
    "manager_userid": pa.string(),
    "extension": pa.string(),
}


@dataclass(frozen=True, slots=True)
class _Department:
    depth: int
    dept_id: int
    #: None for the root, which lists its children by name but not itself
    name: str | None


class Directory:
    """The people of one company, read when first asked for and kept; one thread reads, the others wait."""

    def __init__(self, client: DingTalkClient, options: Options) -> None:
        self._client = client
        self._options = options
        self._lock = threading.Lock()
        self._batch: pa.RecordBatch | None = None

    def employees(self) -> pa.RecordBatch:
        """Everybody, in the canonical columns of ``employees``, by user id."""
        with self._lock:
            if self._batch is None:
                self._batch = self._read()
            return self._batch

    def listed(self) -> list[str]:
        """The user ids of those whom DingTalk lists."""
        return [one for one in self.employees().column("user_id").to_pylist() if one]

    def user_ids(self) -> list[str]:
        """Everybody's user id in order, with those that the settings add (people who have left)."""
        return sorted({*self.listed(), *self._options.also_user_ids})

    def _read(self) -> pa.RecordBatch:
        with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="dingtalk-people") as pool:
            departments = list(self._departments(pool))
            # The narrowest department first: that one becomes the team of a person who is in several.
            departments.sort(key=lambda one: (-one.depth, one.dept_id))
            members = list(pool.map(self._members, departments))
        return _distinct(pa.concat_batches([batch for batches in members for batch in batches]))

    def _departments(self, pool: ThreadPoolExecutor) -> Iterator[_Department]:
        """All departments, level by level; a department that is listed twice is walked once."""
        level = [_Department(0, self._options.root_department, None)]
        seen = {self._options.root_department}
        while level:
            yield from level
            if level[0].depth >= _DEEPEST:
                raise CursorLoop("DingTalk's departments never end.", todo="Look at the department tree for a loop.")
            below = [child for children in pool.map(self._children, level) for child in children]
            level = list({one.dept_id: one for one in below if one.dept_id not in seen}.values())
            seen.update(one.dept_id for one in level)

    def _children(self, parent: _Department) -> list[_Department]:
        answer = self._client.answer("/topapi/v2/department/listsub", {"dept_id": parent.dept_id}) or {}
        listed = answer.get("result") or []
        try:
            return [_Department(parent.depth + 1, int(one["dept_id"]), storable(one.get("name"))) for one in listed]
        except (AttributeError, KeyError, TypeError, ValueError):
            problem = "DingTalk listed a department without an id."
        raise BadResponse(problem, todo="Ask again; if it stays, tell the maintainers.")

    def _members(self, department: _Department) -> list[pa.RecordBatch]:
        def fetch(cursor: int) -> tuple[Page, int | None]:
            page = self._client.rows(
                PATH,
                {"dept_id": department.dept_id, "cursor": cursor, "size": _PAGE},
                "result.list",
                _FIELDS,
                {"result.has_more": pa.bool_(), "result.next_cursor": pa.int64()},
            )
            more, following = page.head["result.has_more"], page.head["result.next_cursor"]
            return page, int(following) if more and following is not None else None

        return [self._canonical(page, department.name) for page in pages(fetch, 0)]

    def _canonical(self, page: Page, team: str | None) -> pa.RecordBatch:
        draft, cell = Draft(page.faults), page.rows.column
        return draft.batch(
            STREAMS["employees"],
            {
                "user_id": cell("userid"),
                "employee_no": known(cell("job_number")),
                "name": known(cell("name")),
                "team": pa.array([team] * len(page.rows), pa.string()),
                "manager_user_id": known(cell("manager_userid")),
                "mobile": mobiles(cell("mobile")),
                "email": pc.coalesce(emails(cell("email")), emails(cell("org_email"))),
                "hired_on": draft.days(cell("hired_date"), "hired_date", self._options.zone),
                "left_on": self._left_on(cell("extension"), draft),
            },
        )

    def _left_on(self, extension: pa.Array, draft: Draft) -> pa.Array:
        """The last day of employment, for companies that keep it as a custom attribute (a text of JSON)."""
        found: list[date | None] = []
        odd = np.zeros(len(extension), bool)
        for row, text in enumerate(extension.to_pylist()):
            try:
                value = orjson.loads(text).get(self._options.left_on_extension) if text else None
                found.append(date.fromisoformat(value) if value else None)
            except (ValueError, TypeError, AttributeError):
                found.append(None)
                odd[row] = True
        draft.fault(pa.array(odd), "extension is not the JSON of a date")
        return pa.array(found, pa.date32())


def _distinct(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Each person's first row, by user id; rows without an id all stay, for quarantine to hold."""
    first: dict[str, int] = {}
    nameless = []
    for row, user in enumerate(batch.column("user_id").to_pylist()):
        if user is None:
            nameless.append(row)
        else:
            first.setdefault(user, row)
    return batch.take(pa.array([*(first[user] for user in sorted(first)), *nameless], pa.int64()))
