"""The assignment against every possible one, on small random groups."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldwork.rules import matching
from fieldwork.rules.matching import assign

#: visit, check-in, cost
Pair = tuple[int, int, int]

PAIRS = st.lists(
    st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(0, 99)), max_size=9, unique_by=lambda p: p[:2]
)
#: costs of 0 to 2: many assignments are equally good
TIES = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(0, 2)), max_size=12, unique_by=lambda p: p[:2]
)


def every_way(pairs: list[Pair]) -> Iterator[list[Pair]]:
    """All ways to choose pairs that share neither a visit nor a check-in."""
    if not pairs:
        yield []
        return
    (visit, check_in, _), *rest = pairs
    yield from every_way(rest)
    apart = [p for p in rest if p[0] != visit and p[1] != check_in]
    yield from ([pairs[0], *some] for some in every_way(apart))


def best(pairs: list[Pair]) -> list[Pair]:
    """Most pairs, then least cost, then check-in by check-in: used before unused, the smaller visit before others."""
    check_ins = sorted({c for _, c, _ in pairs})

    def worth(some: list[Pair]) -> tuple[int, int, list[float]]:
        visit_of = {c: v for v, c, _ in some}
        return -len(some), sum(cost for _, _, cost in some), [visit_of.get(c, float("inf")) for c in check_ins]

    return sorted(min(every_way(pairs), key=worth))


def chosen(pairs: list[Pair]) -> list[Pair]:
    columns = np.array(pairs, dtype=np.int64).reshape(-1, 3)
    mask = assign(columns[:, 0], columns[:, 1], columns[:, 2])
    return [pair for pair, yes in zip(pairs, mask, strict=True) if yes]


@settings(deadline=None)
@given(PAIRS | TIES)
def test_no_assignment_is_better_and_equals_have_an_order(pairs: list[Pair]) -> None:
    assert sorted(chosen(pairs)) == best(pairs)


@settings(deadline=None, max_examples=50)
@given(PAIRS | TIES)
def test_large_groups_are_solved_in_steps_to_the_same_end(pairs: list[Pair]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "_EXACT", 0)
        assert sorted(chosen(pairs)) == best(pairs)


@settings(deadline=None)
@given(PAIRS | TIES, st.randoms())
def test_the_order_of_the_pairs_does_not_matter(pairs: list[Pair], random: Random) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)
    assert sorted(chosen(shuffled)) == sorted(chosen(pairs))


@pytest.mark.slow
@settings(deadline=None, max_examples=5000)
@given(PAIRS | TIES)
def test_no_assignment_is_better_many_times(pairs: list[Pair]) -> None:
    assert sorted(chosen(pairs)) == best(pairs)


def test_a_crowd_is_solved_exactly() -> None:
    """Forty visits to one fair, each fitting every check-in alike: the n-th check-in proves the n-th visit."""
    pairs = [(visit, check_in, 60_000) for visit in range(40) for check_in in range(60)]
    assert chosen(pairs) == [(n, n, 60_000) for n in range(40)]


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], []),
        ([(1, 1, 5)], [(1, 1, 5)]),
        ([(1, 1, 5), (2, 1, 4)], [(2, 1, 4)]),
        ([(1, 1, 0), (1, 2, 90), (2, 1, 50)], [(1, 2, 90), (2, 1, 50)]),
        ([(1, 1, 9), (1, 2, 1), (2, 1, 1), (2, 2, 9)], [(1, 2, 1), (2, 1, 1)]),
        ([(2, 1, 5), (1, 1, 5)], [(1, 1, 5)]),
        ([(1, 2, 5), (1, 1, 5)], [(1, 1, 5)]),
        ([(1, 1, 1), (1, 2, 1), (2, 1, 1), (2, 2, 1)], [(1, 1, 1), (2, 2, 1)]),
        # equally good: the earlier check-in is used, and used for the earlier visit
        ([(2, 1, 1), (2, 2, 1), (2, 3, 0), (3, 3, 0)], [(2, 1, 1), (3, 3, 0)]),
        ([(1, 3, 1), (2, 3, 1), (3, 2, 0), (3, 3, 0)], [(1, 3, 1), (3, 2, 0)]),
        ([(2, 1, 1), (2, 3, 0), (3, 2, 1), (3, 3, 0)], [(2, 1, 1), (3, 3, 0)]),
        ([(1, 1, 1), (2, 2, 1), (3, 1, 0), (3, 2, 0)], [(1, 1, 1), (3, 2, 0)]),
    ],
)
def test_small_groups(pairs: list[Pair], expected: list[Pair]) -> None:
    assert chosen(pairs) == expected
