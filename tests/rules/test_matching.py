"""The assignment against every possible one, on small random groups."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldwork.rules.matching import assign

Pair = tuple[int, int, int]


def best(pairs: list[Pair]) -> tuple[int, int]:
    """Most pairs, then least cost, over all ways to choose pairs that share nothing."""
    found = (0, 0)
    for size in range(1, len(pairs) + 1):
        for some in combinations(pairs, size):
            if len({v for v, _, _ in some}) == len({c for _, c, _ in some}) == size:
                found = min(found, (-size, sum(cost for _, _, cost in some)))
    return found


def chosen(pairs: list[Pair]) -> list[Pair]:
    columns = np.array(pairs, dtype=np.int64).reshape(-1, 3)
    mask = assign(columns[:, 0], columns[:, 1], columns[:, 2].astype(float))
    return [pair for pair, yes in zip(pairs, mask, strict=True) if yes]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(0, 99)), max_size=9, unique_by=lambda p: p[:2])
)
def test_no_assignment_is_better(pairs: list[Pair]) -> None:
    some = chosen(pairs)
    assert len({v for v, _, _ in some}) == len({c for _, c, _ in some}) == len(some)
    assert (-len(some), sum(cost for _, _, cost in some)) == best(pairs)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(0, 99)), max_size=9, unique_by=lambda p: p[:2]
    ),
    st.randoms(),
)
def test_the_order_of_the_pairs_does_not_matter(pairs: list[Pair], random: object) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert sorted(chosen(shuffled)) == sorted(chosen(pairs))


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], []),
        ([(1, 1, 5)], [(1, 1, 5)]),
        ([(1, 1, 5), (2, 1, 4)], [(2, 1, 4)]),
        ([(1, 1, 0), (1, 2, 90), (2, 1, 50)], [(1, 2, 90), (2, 1, 50)]),
        ([(1, 1, 9), (1, 2, 1), (2, 1, 1), (2, 2, 9)], [(1, 2, 1), (2, 1, 1)]),
    ],
)
def test_small_groups(pairs: list[Pair], expected: list[Pair]) -> None:
    assert chosen(pairs) == expected
