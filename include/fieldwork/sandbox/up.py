"""The sandbox as a process of its own: ``up`` starts it behind the scenes, ``down`` ends it, ``serve`` is that process.

Under ``<home>/sandbox`` a running sandbox leaves ``sandbox.json`` (addresses, process id, options),
``connections.json`` (Airflow connections that lead to it) and ``company.toml`` (the company's shift plan). Tests use
:func:`serving`, which needs no process. Run it alone: ``fieldwork sandbox up``.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from fieldwork.errors import ConfigError, FieldworkError, SourceUnavailable
from fieldwork.sandbox.city import generate
from fieldwork.sandbox.city_noise import Faults
from fieldwork.sandbox.company import Company, overlay_toml
from fieldwork.sandbox.faults import STORM
from fieldwork.sandbox.files import read_company
from fieldwork.sandbox.running import APP_KEY, APP_SECRET, CLIENT_ID, CLIENT_SECRET, Sandbox, start

#: seconds that a company of any size may take to get ready, and a process to end
PATIENCE: Final = 300
GRACE: Final = 10
#: seconds between two looks at whether the state directory is still there
GLANCE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Options:
    """What to serve and how. ``data`` (a folder of CSV files) replaces the invented city and its options.

    ``rate``: calls a second that DingTalk allows per API, 0 for no limit; ports of 0 are chosen freely.
    """

    data: str | None = None
    people: int = 60
    days: int = 14
    seed: int = 20261102
    start: str = "2026-11-02"
    faults: Faults = "usual"
    rate: float = 20
    latency_ms: int = 0
    attendance_port: int = 0
    crm_port: int = 0

    def company(self) -> Company:
        """Read or make the company; raises ConfigError for files or options that make none."""
        if self.data:
            return read_company(Path(self.data))
        first = date.fromisoformat(self.start)
        return generate(people=self.people, days=self.days, seed=self.seed, faults=self.faults, start=first)

    def identity(self) -> str:
        """A short name of the company alone: what was written to its CRM belongs to it."""
        which = {"data": self.data} if self.data else {**asdict(self), "rate": 0, "latency_ms": 0}
        for port in ("attendance_port", "crm_port"):
            which.pop(port, None)
        return hashlib.sha256(json.dumps(which, sort_keys=True).encode()).hexdigest()[:12]

    def fingerprint(self) -> str:
        """Everything that a running sandbox would have to be started again for, edited files too."""
        files = sorted(Path(self.data).glob("*.csv")) if self.data else []
        seen = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
        return hashlib.sha256(json.dumps([asdict(self), seen]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Running:
    """A sandbox that runs: as ``sandbox.json`` says."""

    pid: int
    attendance_url: str
    crm_url: str
    since: date
    until: date
    people: int
    fingerprint: str
    options: Options


def up(home: Path, *, data: Path | None = None, start: date | None = None, **options: Any) -> Running:
    """Have a sandbox with these options (see :class:`Options`) running in the background, and wait until it answers.

    One that runs already is kept when its options are the same and replaced when they differ. Raises ConfigError for
    options or files that make no company, SourceUnavailable when it does not get ready.
    """
    wanted = options_of(data=data, start=start, **options)
    now = status(home)
    if now is not None and now.fingerprint == wanted.fingerprint():
        return now
    down(home)
    folder = _folder(home)
    with (folder / "sandbox.log").open("wb") as log:
        command = [sys.executable, "-m", "fieldwork.sandbox", str(home), json.dumps(asdict(wanted))]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/"
        )
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise _failure(folder)
        now = status(home)
        if now is not None and now.pid == process.pid:
            return now
        time.sleep(0.05)
    process.terminate()
    raise SourceUnavailable("The sandbox did not get ready.", todo=f"Read {folder / 'sandbox.log'}.")


def down(home: Path) -> bool:
    """End the sandbox of this state directory; False when none ran."""
    now = status(home)
    if now is not None:
        os.kill(now.pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while _is_alive(now.pid):
            if time.monotonic() > deadline:
                os.kill(now.pid, signal.SIGKILL)
                break
            time.sleep(0.02)
    (home / "sandbox" / "sandbox.json").unlink(missing_ok=True)
    return now is not None


def status(home: Path) -> Running | None:
    """The sandbox that runs, None when none answers under the process id it left."""
    try:
        left = json.loads((home / "sandbox" / "sandbox.json").read_text(encoding="utf-8"))
        running = Running(
            **{**left, "since": date.fromisoformat(left["since"]), "until": date.fromisoformat(left["until"])}
            | {"options": Options(**left["options"])}
        )
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None
    return running if ask(running.attendance_url, "health").get("pid") == running.pid else None


def serve(home: Path, options: Options, *, announce: Callable[[Running], None] | None = None) -> None:
    """Be the sandbox: start, leave the files, call ``announce``, answer until SIGTERM, SIGINT or the end of ``home``.

    Raises ConfigError for options or files that make no company, or a port that is taken.
    """
    folder = _folder(home)
    company = options.company()
    try:
        sandbox = start(
            company,
            rate=options.rate,
            latency_ms=options.latency_ms,
            state=folder / options.identity(),
            ports=(options.attendance_port, options.crm_port),
            faults=STORM if options.faults == "storm" and not options.data else (),
        )
    except OSError as error:
        raise ConfigError(f"A port cannot be opened ({error.strerror}).", todo="Choose another one, or 0.") from None
    done = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: done.set())
    running = _described(sandbox, company, options)
    _write(folder / "connections.json", json.dumps(connections(sandbox), indent=1))
    _write(folder / "company.toml", overlay_toml(company))
    _write(folder / "sandbox.json", json.dumps({**asdict(running), "options": asdict(options)}, default=str, indent=1))
    if announce is not None:
        announce(running)
    while not done.wait(GLANCE) and (folder / "sandbox.json").exists():
        pass  # a sandbox whose state directory was deleted has nobody left to end it
    sandbox.stop()
    (folder / "sandbox.json").unlink(missing_ok=True)


def connections(sandbox: Sandbox) -> dict[str, Any]:
    """Airflow connections that lead to a running sandbox, as its LocalFilesystemBackend reads them."""
    return {
        "fieldwork_attendance": {
            "conn_type": "http",
            "host": sandbox.attendance_url,
            "login": APP_KEY,
            "password": APP_SECRET,
            "extra": {"system": "dingtalk"},
        },
        "fieldwork_crm": {
            "conn_type": "http",
            "host": sandbox.crm_url,
            "login": CLIENT_ID,
            "password": CLIENT_SECRET,
            "extra": {"system": "salesforce"},
        },
    }


@contextmanager
def serving(company: Company, *, rate: float = 0, latency_ms: int = 0, state: Path | None = None) -> Iterator[Sandbox]:
    """Both servers in threads of this process, for the length of a test."""
    sandbox = start(company, rate=rate, latency_ms=latency_ms, state=state)
    try:
        yield sandbox
    finally:
        sandbox.stop()


def options_of(*, data: Path | None = None, start: date | None = None, **others: Any) -> Options:
    """Options from paths and dates; raises ConfigError for a name that is none or a folder that is not there."""
    unknown = sorted(set(others) - {field.name for field in fields(Options)})
    if unknown:
        raise ConfigError(f"The sandbox has no option {', '.join(unknown)}.", todo="See `fieldwork sandbox up --help`.")
    if data is not None and not data.is_dir():
        raise ConfigError(f"There is no folder {data}.", todo="Give a folder of CSV files, one a stream.")
    if data is not None:
        others["data"] = str(data.resolve())
    if start is not None:
        others["start"] = start.isoformat()
    return Options(**others)


def ask(url: str, what: str) -> dict[str, Any]:
    """What the control API of a sandbox server says; empty when nothing answers there."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=5)
    try:
        connection.request("GET", f"/_sandbox/{what}")
        answer = json.loads(connection.getresponse().read())
    except (OSError, ValueError, http.client.HTTPException):
        return {}
    finally:
        connection.close()
    return answer if isinstance(answer, dict) else {}


def _described(sandbox: Sandbox, company: Company, options: Options) -> Running:
    return Running(
        pid=os.getpid(),
        attendance_url=sandbox.attendance_url,
        crm_url=sandbox.crm_url,
        since=company.since,
        until=company.until,
        people=len(company.tables["employees"]),
        fingerprint=options.fingerprint(),
        options=options,
    )


def _folder(home: Path) -> Path:
    folder = home / "sandbox"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # credentials and what was written to the CRM
    (folder / "failed.json").unlink(missing_ok=True)
    return folder


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and readable by this user alone."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)


def _failure(folder: Path) -> FieldworkError:
    """Why the background process ended: its own error, or where to read more."""
    try:
        told = json.loads((folder / "failed.json").read_text(encoding="utf-8"))
        return ConfigError(told["happened"], todo=told["todo"])
    except (FileNotFoundError, ValueError, KeyError):
        return SourceUnavailable("The sandbox ended at once.", todo=f"Read {folder / 'sandbox.log'}.")


def _is_alive(pid: int) -> bool:
    """Whether the process runs; a child of ours that ended is taken away on the way."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
