"""Which check-in proves which visit, where several visits and check-ins compete: the exact best assignment.

Best is the one that proves the most visits and, among those, has the least total cost. Each group of pairs that hang
together is a small assignment problem of its own, solved by scipy's ``linear_sum_assignment``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def assign(visit: NDArray[np.int64], check_in: NDArray[np.int64], cost: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of the pairs are chosen: each visit and each check-in at most once.

    ``visit``, ``check_in`` and ``cost`` are columns of equal length, one place a pair, each pair once; ``cost`` is not
    negative. The answer does not depend on the order of the pairs, save among assignments of equal cost.
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


def _solve(row: NDArray[np.int64], column: NDArray[np.int64], cost: NDArray[np.float64]) -> NDArray[np.bool_]:
    """One group: a pair that does not exist costs more than all that do, so as few of them as possible are used."""
    from scipy.optimize import linear_sum_assignment

    _, i = np.unique(row, return_inverse=True)
    _, j = np.unique(column, return_inverse=True)
    shape = (i.max() + 1, j.max() + 1)
    price = np.full(shape, cost.sum() + 1.0)
    price[i, j] = cost
    partner = np.full(shape[0], -1)
    taken, by = linear_sum_assignment(price)
    partner[taken] = by
    found: NDArray[np.bool_] = partner[i] == j
    return found
