"""Run a few lines in a process of their own that has Airflow: it reads its environment once, and keeps it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

START = """
import json, sys, threading
out = sys.argv[1]
def answer(value):
    with open(out, "w", encoding="utf-8") as file:
        json.dump(value, file)
"""
BLOCKED = """
import socket
def _no(*args, **kwargs):
    raise OSError("the network is blocked")
socket.socket.connect = socket.socket.connect_ex = socket.create_connection = socket.getaddrinfo = _no
"""


def run_python(code: str, home: Path, env: Mapping[str, str], *, network: bool = True) -> Any:
    """What ``code`` handed to ``answer(...)``; variables of an Airflow or a Fieldwork around us are not passed on."""
    out = home / "answer.json"
    home.mkdir(parents=True, exist_ok=True)
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AIRFLOW", "_AIRFLOW", "FIELDWORK", "PYTHONDONTWRITEBYTECODE"))
    }
    done = subprocess.run(
        [sys.executable, "-c", START + ("" if network else BLOCKED) + code, str(out)],
        env=inherited | {"AIRFLOW_HOME": str(home)} | dict(env),
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads(out.read_text(encoding="utf-8"))
