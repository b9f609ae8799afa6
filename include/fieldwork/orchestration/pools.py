"""One pool per outside system, one slot each: the vendor's rate budget lives in a process, so one task spends it.

Inside that task the slices run in parallel. A pool that does not exist makes tasks wait for ever, without a word:
``make up`` and the demo make them; elsewhere run ``python -m fieldwork.orchestration.pools`` once, or
``airflow pools set fieldwork_attendance 1 "…"`` and the same for ``fieldwork_crm``.
"""

from __future__ import annotations

from typing import Final

#: pool (also the connection's name): what it guards
POOLS: Final[dict[str, str]] = {
    "fieldwork_attendance": "Calls to the attendance system: one task at a time",
    "fieldwork_crm": "Calls to the CRM: one task at a time",
}


def ensure_pools() -> list[str]:
    """Make the pools that are missing and leave those that exist as they are; the names made.

    Talks to Airflow's metadata database, so it is for an operator's process, not for a task.
    """
    from airflow.models.pool import Pool

    missing = [name for name in POOLS if Pool.get_pool(name) is None]
    for name in missing:
        Pool.create_or_update_pool(name, slots=1, description=POOLS[name], include_deferred=False)
    return missing


if __name__ == "__main__":
    print(f"made: {', '.join(ensure_pools()) or 'nothing, all pools are there'}")  # noqa: T201
