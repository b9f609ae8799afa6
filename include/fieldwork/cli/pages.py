"""``up``: Airflow's pages on this machine, for looking at runs and triggering them; for one person, not for a team.

``airflow standalone`` would open its log server to the network; here each part is started by itself, on loopback.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Annotated, Final

import typer

from fieldwork.errors import SourceUnavailable
from fieldwork.warehouse.server import free_port

from .console import out
from .warehouse import open_warehouse

#: Airflow's processes; without ``--skip-serve-logs`` two of them listen on all addresses.
PARTS: Final = (
    ("api-server",),
    ("scheduler", "--skip-serve-logs"),
    ("dag-processor",),
    ("triggerer", "--skip-serve-logs"),
)
#: Seconds that the pages may take to answer.
PATIENCE: Final = 120


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(up)


def up(
    port: Annotated[int, typer.Option(help="Port of the pages on 127.0.0.1; 0 = any free one.")] = 0,
) -> None:
    """Open Airflow's pages on this machine; Ctrl-C ends them.

    The DAGs are paused: trigger one by hand, or unpause it and it runs every night while this command runs.
    """
    from fieldwork.orchestration.environment import airflow_home, environment

    _, settings = open_warehouse()
    port = port or free_port()
    address = f"http://127.0.0.1:{port}"
    home = airflow_home(settings)
    passwords = home / "passwords.json"
    program = Path(sys.executable).with_name("airflow")
    variables = (
        os.environ
        | environment(settings)
        | {
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__BASE_URL": address,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        }
    )
    logs = home / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    parts: list[subprocess.Popen[bytes]] = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with (logs / "up.log").open("ab") as log:
            prepare = [sys.executable, "-m", "fieldwork.orchestration.metadata"]
            subprocess.run(prepare, env=variables, stdout=log, stderr=log, check=True)
            parts += [
                subprocess.Popen([program, *words], env=variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
                for words in PARTS
            ]
        _wait_until_ready(address, parts, logs / "up.log")
        password = json.loads(passwords.read_text(encoding="utf-8"))["admin"]
        out.print(f"Airflow is at [bold]{address}[/]: user admin, password {password}. Ctrl-C ends it.", soft_wrap=True)
        while all(part.poll() is None for part in parts):
            time.sleep(1)
        raise _ended(logs / "up.log")
    except KeyboardInterrupt:
        out.print("Stopped.")
    finally:
        for part in parts:
            part.terminate()
        for part in parts:
            part.wait()


def _wait_until_ready(address: str, parts: list[subprocess.Popen[bytes]], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and all(part.poll() is None for part in parts):
        try:
            with urllib.request.urlopen(f"{address}/api/v2/version", timeout=2):  # noqa: S310 - our own address
                return
        except OSError:
            time.sleep(0.5)
    raise _ended(log)


def _ended(log: Path) -> SourceUnavailable:
    return SourceUnavailable("A part of Airflow did not start or has ended.", todo=f"Read the end of {log}.")
