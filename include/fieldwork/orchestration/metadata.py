"""Airflow's own metadata database, made ready for our DAGs: its tables, then the pools.

For an Airflow of our own (the demo, ``make up``, tests): ``python -m fieldwork.orchestration.metadata``, with the
variables of ``environment()`` set.
"""

from __future__ import annotations

from fieldwork.orchestration.pools import ensure_pools


def prepare_metadata() -> None:
    """Make or upgrade the tables, then make the pools that are missing; a second call changes nothing."""
    from airflow.utils import db

    db.upgradedb()
    ensure_pools()


if __name__ == "__main__":
    prepare_metadata()
