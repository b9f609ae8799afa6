from __future__ import annotations

from collections.abc import Callable

import pytest

from fieldwork.connectors.paging import pages
from fieldwork.errors import CursorLoop


def _following(following: dict[int, int | None]) -> Callable[[int], tuple[str, int | None]]:
    return lambda cursor: (f"page {cursor}", following[cursor])


def test_every_page_once() -> None:
    assert list(pages(_following({0: 7, 7: 3, 3: None}), 0)) == ["page 0", "page 7", "page 3"]


@pytest.mark.parametrize("following", [{0: 0}, {0: 1, 1: 0}, {0: 1, 1: 2, 2: 1}])
def test_a_cursor_that_comes_back_is_a_loop(following: dict[int, int | None]) -> None:
    with pytest.raises(CursorLoop, match="came back"):
        list(pages(_following(following), 0))


def test_a_cursor_that_never_ends_is_a_loop() -> None:
    with pytest.raises(CursorLoop, match="after 50 pages"):
        list(pages(lambda cursor: ("page", cursor + 1), 0, most=50))
