"""write_back: what the warehouse published, into the CRM; only what differs, and never over a person's edit.

What a process that died had handed over is read back first. Then ``mart`` and ``ops.receipt`` -> ``ops.outbox`` (one
transaction, before any call) -> the CRM, each change compared with what stands there -> ``ops.receipt``. Killed
anywhere and run again, every effect is there once.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from fieldwork.connectors.base import CrmTarget
from fieldwork.errors import MassChange
from fieldwork.settings import Settings
from fieldwork.warehouse import ledger
from fieldwork.writeback import difference, fields, guard, rehearsal
from fieldwork.writeback.campaign import Campaign

from .progress import Progress, silent


def write_back(
    engine: sa.Engine,
    settings: Settings,
    target: CrmTarget,
    *,
    run_id: str,
    accept_mass_change: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Send the difference; returns numbers of records by kind (:func:`send_difference`).

    A run that was planned as a dry run sends and writes nothing (:func:`rehearse`). Raises ConfigError (mapping),
    MassChange, Fenced (another process writes back), and the target's typed errors; what has no receipt by then waits.
    """
    with ledger.step(engine, run_id, "write_back") as result:
        with engine.begin() as connection:
            dry_run = ledger.read_run(connection, run_id).dry_run
        if dry_run:
            result.update({"dry_run": True}, **rehearse(engine, settings, target.system))
        else:
            result.update(
                send_difference(
                    engine, settings, target, run_id=run_id, accept_mass_change=accept_mass_change, progress=progress
                )
            )
        return result


def rehearse(
    engine: sa.Engine, settings: Settings, system: str, *, limit: int = 10, everything: bool = False
) -> dict[str, dict[str, Any]]:
    """What would be sent, by kind: ``to_send``, of which ``corrections``, ``unchanged``, ``refused_before``,
    ``parked``, ``stopped`` (why the mass-change guard would stop, or None), and ``sample``: up to ``limit`` keys, each
    with the fields that would change as (old, new). Nothing is written, the CRM is not asked.
    """
    found: dict[str, dict[str, Any]] = {}
    with engine.connect() as connection, connection.begin() as transaction:
        for kind in fields.kinds(settings):
            staged = difference.stage(connection, settings, system, kind, everything=everything)
            found[kind] = {
                "to_send": staged.to_send,
                "corrections": staged.corrections,
                "unchanged": staged.unchanged,
                "refused_before": staged.refused_before,
                "parked": staged.parked,
                "stopped": _reason(guard.why_not(connection, settings, system, kind, staged)),
                "sample": difference.sample(connection, system, kind, limit=limit),
            }
        transaction.rollback()
    return found


def rehearse_live(
    engine: sa.Engine,
    settings: Settings,
    target: CrmTarget,
    *,
    limit: int = 10,
    everything: bool = False,
    progress: Progress = silent,
) -> dict[str, dict[str, Any]]:
    """As :func:`rehearse`, compared with what stands in the CRM: also ``same`` (it is there already), ``kept`` (people
    edited it), ``gone`` and ``conflicts``; old values are live ones. Takes calls; nothing is written, nothing sent.
    Raises ConfigError, Fenced, and the target's typed errors.
    """
    found: dict[str, dict[str, Any]] = {}
    with ledger.held(engine, f"write back to {target.system}"):
        for kind in fields.kinds(settings):

            def tell(done: int, total: int, label: str = f"compare {kind}") -> None:
                progress(label, done, total)

            staged, counts, sample = rehearsal.judge(
                engine, settings, target, kind, limit=limit, everything=everything, tell=tell
            )
            held = {"unchanged": staged.unchanged, "refused_before": staged.refused_before, "parked": staged.parked}
            with engine.connect() as connection:
                stopped = _reason(guard.why_not(connection, settings, target.system, kind, staged))
            found[kind] = {**counts, **held, "stopped": stopped, "sample": sample}
    return found


def send_difference(
    engine: sa.Engine,
    settings: Settings,
    target: CrmTarget,
    *,
    run_id: str,
    accept_mass_change: bool = False,
    everything: bool = False,
    progress: Progress = silent,
) -> dict[str, dict[str, int]]:
    """Send what differs of every kind; numbers of records by kind.

    ``sent`` = ``accepted`` + ``rejected``; of the accepted ones ``created`` are new, ``deleted`` are gone and
    ``recovered`` were found executed by reading back. ``same``: the CRM had it already. ``kept``: people edited all of
    it; ``gone``: the CRM has the record no more; ``conflicts``: fields that people edited. ``pending`` were refused for
    now, ``waiting`` found no room among the day's calls; both go out with the next run. ``unchanged`` stand in the CRM
    already, by their receipts; ``refused_before`` and ``parked`` (undone) are not tried again until they change.
    ``batch`` is None when there was nothing to send; ``predicted_calls`` and ``used_calls`` count calls to the CRM.
    """
    with ledger.held(engine, f"write back to {target.system}"):
        campaign = Campaign(engine, settings, target, run_id)
        campaign.recover()
        staged = campaign.enqueue(accept_mass_change=accept_mass_change, everything=everything)
        sent = campaign.send(progress)
        return {
            kind: {
                **sent[kind],
                "unchanged": found.unchanged,
                "refused_before": found.refused_before,
                "parked": found.parked,
            }
            for kind, found in staged.items()
        }


def _reason(stopped: MassChange | None) -> str | None:
    return stopped.happened if stopped else None
