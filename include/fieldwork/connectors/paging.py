"""Pages behind a cursor, with a guard: a cursor that comes back, or never ends, stops the read."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Final, TypeVar

from fieldwork.errors import CursorLoop

Page = TypeVar("Page")
Cursor = TypeVar("Cursor", bound=Hashable)

#: At 100 rows a page a million rows; no slice that we cut holds as many.
MOST_PAGES: Final = 10_000


def pages(
    fetch: Callable[[Cursor], tuple[Page, Cursor | None]], first: Cursor, *, most: int = MOST_PAGES
) -> Iterator[Page]:
    """Every page from ``first`` on; ``fetch`` gives a page and the next cursor, None at the end.

    Raises CursorLoop when a cursor comes back or after ``most`` pages.
    """
    cursor: Cursor | None = first
    seen: set[Cursor] = set()
    while cursor is not None:
        if cursor in seen or len(seen) >= most:
            why = "came back to a page already read" if cursor in seen else f"did not end after {most} pages"
            raise CursorLoop(
                f"Paging {why}; {len(seen)} pages were read.",
                todo="Nothing of this slice was kept. Tell the vendor; a narrower window may get through.",
            )
        seen.add(cursor)
        page, cursor = fetch(cursor)
        yield page
