"""Prove visits by check-ins inside the build's transaction: the easy pairs in SQL, the contested ones by the solver.

Pairs travel from the warehouse to the solver and back as columns of small numbers; no id, time or place of anybody
leaves the warehouse.
"""

from __future__ import annotations

import numpy as np
import sqlalchemy as sa

from . import sql
from .matching import assign

_CONTESTED = """
select
    coalesce(array_agg(visit_no order by visit_no, check_in_no), '{}') as visit,
    coalesce(array_agg(check_in_no order by visit_no, check_in_no), '{}') as check_in,
    coalesce(array_agg(cost order by visit_no, check_in_no), '{}') as cost
from visit_edge
where not alone_visit and not alone_check_in
"""

_CHOSEN = """
insert into visit_proof (visit_no, check_in_no)
select * from unnest(cast(:visit as bigint[]), cast(:check_in as bigint[]))
"""


def prove(connection: sa.Connection) -> int:
    """Fill ``visit_proof`` from ``visit_candidate``; returns how many pairs were contested."""
    connection.execute(sa.text(sql.read("visit_edge")))
    connection.execute(sa.text(sql.read("visit_proof")))
    row = connection.execute(sa.text(_CONTESTED)).one()
    visit, check_in = np.array(row.visit, dtype=np.int64), np.array(row.check_in, dtype=np.int64)
    chosen = assign(visit, check_in, np.array(row.cost, dtype=np.int64))
    if chosen.any():
        pairs = {"visit": visit[chosen].tolist(), "check_in": check_in[chosen].tolist()}
        connection.execute(sa.text(_CHOSEN), pairs)
    return len(visit)
