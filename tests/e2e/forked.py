"""Run `fieldwork` commands in real processes that a SIGKILL really kills, without paying for the imports each time.

A fork server that has imported Airflow and Great Expectations once forks a fresh process for every command.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerContext
from pathlib import Path

PRELOAD = [
    "great_expectations", "airflow.sdk", "airflow.providers.http.hooks.http", "pyarrow", "scipy.optimize",
    "fieldwork.cli", "fieldwork.steps.check", "fieldwork.steps.load", "fieldwork.steps.build",
    "fieldwork.steps.audit", "fieldwork.steps.publish", "fieldwork.steps.write_back",
]  # fmt: skip


def fork_server(environment: Mapping[str, str]) -> ForkServerContext:
    """The context whose server starts, with its imports, at the first command."""
    os.environ.update(environment)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    return context


def command(context: ForkServerContext, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> int:
    """Run ``fieldwork <arguments>``; its exit code, or minus the signal that killed it. Output goes to ``log``."""
    process = context.Process(target=_main, args=(list(arguments), dict(environment), str(log)))
    process.start()
    process.join(120)
    if process.exitcode is None:
        process.kill()
        raise TimeoutError(f"fieldwork {' '.join(arguments)} did not end")
    return process.exitcode


def _main(arguments: list[str], environment: dict[str, str], log: str) -> None:
    os.environ.update(environment)
    with Path(log).open("a") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    sys.argv = ["fieldwork", *arguments]
    from fieldwork.cli import main

    main()
