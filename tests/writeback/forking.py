"""Write-backs in processes that a SIGKILL really kills: a small process that has imported everything forks one each.

Run as a program it is that process: one JSON order a line on standard input, one exit status a line on standard output
(minus the signal that killed the child).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Forks:
    """Orders go in, exit statuses come out."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def write_back(self, **order: Any) -> int:
        """One write-back, or with ``undo`` one undo, in a process of its own; its exit status, minus a signal."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def forks(log: Path) -> Iterator[Forks]:
    """The process, for the length of a module; what its children print goes to ``log``."""
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.writeback.forking"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=out, text=True, cwd=ROOT,
        )  # fmt: skip
        try:
            yield Forks(process)
        finally:
            assert process.stdin
            process.stdin.close()
            process.wait(30)


def _one(order: dict[str, Any]) -> None:
    """The child: one write-back against the CRM that the order names."""
    from dataclasses import replace

    from fieldwork import failpoint, settings
    from fieldwork.steps.crm_undo import crm_undo
    from fieldwork.steps.write_back import send_difference
    from fieldwork.warehouse.engine import open_engine
    from tests.writeback.world import connect

    here = settings.load({"FIELDWORK_HOME": order["home"], "FIELDWORK_WAREHOUSE_URL": order["warehouse"]})
    here = replace(here, config=settings.merge(here.config, order["config"]))
    failpoint.arm(order.get("failpoint"))
    target = connect(order["crm"], here.config, batch_size=order["batch_size"])
    if "undo" in order:
        crm_undo(open_engine(here), here, target, number=order["undo"], run_id=order["run_id"])
    else:
        send_difference(open_engine(here), here, target, run_id=order["run_id"], accept_mass_change=True)


def main() -> None:
    """Fork for each order."""
    import adbc_driver_postgresql.dbapi  # noqa: F401

    import tests.writeback.world  # noqa: F401

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                _one(json.loads(line))
            except BaseException as error:
                print(type(error).__name__, error, file=sys.stderr, flush=True)
                os._exit(1)
            os._exit(0)
        answers.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        answers.flush()


if __name__ == "__main__":
    main()
