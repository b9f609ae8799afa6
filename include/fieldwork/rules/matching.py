"""Which check-in proves which visit, where several visits and check-ins compete: the exact best assignment.

Best is the one that proves the most visits and, among those, has the least total cost. Where several are equally good,
the check-ins decide in the order of their numbers, that is of time: the first on which two assignments differ is rather
used than not, and rather for the visit with the smaller number. Costs are whole numbers, so that equal is equal. Each
group of pairs that hang together is a small assignment problem of its own, solved by scipy's ``linear_sum_assignment``.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

#: Sums of whole numbers below this are exact in the solver's doubles.
_EXACT: Final = 2**52


def assign(visit: Ints, check_in: Ints, cost: Ints) -> NDArray[np.bool_]:
    """Which of the pairs are chosen: each visit and each check-in at most once.

    ``visit``, ``check_in`` and ``cost`` are columns of equal length, one place a pair, each pair once; ``cost`` is not
    negative. The answer does not depend on the order of the pairs.
    """
    chosen = np.zeros(len(cost), dtype=bool)
    if not len(cost):
        return chosen
    visits, row = np.unique(visit, return_inverse=True)
    check_ins, column = np.unique(check_in, return_inverse=True)
    group = _groups(row, column, len(visits), len(check_ins))
    order = np.lexsort((column, row, group))
    borders = np.flatnonzero(np.diff(group[order])) + 1
    for pairs in np.split(order, borders):
        chosen[pairs] = _solve(row[pairs], column[pairs], cost[pairs])
    return chosen


def _groups(row: NDArray[np.int64], column: NDArray[np.int64], rows: int, columns: int) -> NDArray[np.int32]:
    """For each pair the number of the connected group that it belongs to."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    nodes = rows + columns
    graph = coo_array((np.ones(len(row), dtype=np.int8), (row, column + rows)), shape=(nodes, nodes))
    _, label = connected_components(graph, directed=False)
    found: NDArray[np.int32] = label[row]
    return found


def _solve(row: Ints, column: Ints, cost: Ints) -> NDArray[np.bool_]:
    """One group. A pair that does not exist costs more than all that do, so as few of them as possible are used.

    Behind the costs stands the order among equals, as digits of one number: the earlier a check-in, the higher its
    digit, and the earlier the visit that it proves, the more is taken off. Groups whose numbers grow too large for
    that are solved in steps.
    """
    _, i = np.unique(row, return_inverse=True)
    _, j = np.unique(column, return_inverse=True)
    rows, columns = int(i.max()) + 1, int(j.max()) + 1
    base, none = rows + 1, int(cost.sum()) + 1
    scale = base**columns
    if none * scale * min(rows, columns) >= _EXACT:
        return _solve_in_steps(i, j, cost, none)
    digit = np.array([base**place for place in range(columns - 1, -1, -1)], dtype=np.int64)
    price = np.full((rows, columns), float(none * scale))
    price[i, j] = cost * scale - (rows - i) * digit[j]
    found: NDArray[np.bool_] = _partners(price)[i] == j
    return found


def _solve_in_steps(i: Ints, j: Ints, cost: Ints, none: int) -> NDArray[np.bool_]:
    """A large group: check-in by check-in, the first visit with which the rest can still be as good as the best."""
    price = np.full((int(i.max()) + 1, int(j.max()) + 1), float(none))
    price[i, j] = cost
    chosen = np.zeros(len(cost), dtype=bool)
    free = np.ones(price.shape[0], dtype=bool)
    left = _value(price, none)
    for column in range(price.shape[1]):
        later = price[:, column + 1 :]
        for pair in np.flatnonzero((j == column) & free[i]):
            free[i[pair]] = False
            rest = _value(later[free], none)
            if (rest[0] + 1, rest[1] + int(cost[pair])) == left:
                chosen[pair], left = True, rest
                break
            free[i[pair]] = True
    return chosen


def _value(price: NDArray[np.float64], none: int) -> tuple[int, int]:
    """How many pairs the best assignment has, and what they cost together."""
    taken, by = _optimum(price)
    paid = price[taken, by]
    real = paid < none
    return int(real.sum()), int(paid[real].sum())


def _partners(price: NDArray[np.float64]) -> Ints:
    """The column of each row in the best assignment, -1 where it has none."""
    partner = np.full(price.shape[0], -1)
    taken, by = _optimum(price)
    partner[taken] = by
    return partner


def _optimum(price: NDArray[np.float64]) -> tuple[Any, Any]:
    """Rows and columns of the assignment of least total price."""
    from scipy.optimize import linear_sum_assignment

    return linear_sum_assignment(price)  # type: ignore[no-any-return]
