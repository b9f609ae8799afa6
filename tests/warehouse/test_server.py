"""The embedded server: for root in a folder nobody else may enter, for an ordinary user, and with a password."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from fieldwork.errors import ConfigError
from fieldwork.warehouse import server

AS_ROOT = os.geteuid() == 0


@pytest.fixture
def private() -> Iterator[Path]:
    """A folder like a checkout under /root: mode 0700, ours."""
    folder = Path(tempfile.mkdtemp(prefix="fieldwork-private-"))
    yield folder
    server.remove(folder / "state")
    shutil.rmtree(folder, ignore_errors=True)


def _modes(*paths: Path) -> list[int]:
    return [stat.S_IMODE(path.stat().st_mode) for path in paths]


def test_it_runs_in_a_private_folder_and_opens_nothing(private: Path) -> None:
    state = private / "state"
    wheel = server.wheel()
    before = _modes(private, private.parent, wheel, wheel.parent)
    users = len(pwd.getpwall())
    here = server.start(state)
    with psycopg.connect(here.url("postgres")) as connection:
        assert connection.execute("select current_user").fetchone() == (server.ADMIN,)
    assert _modes(private, private.parent, wheel, wheel.parent) == before
    assert len(pwd.getpwall()) == users
    assert _modes(state / "server.json", here.data) == [0o600, 0o700]
    if AS_ROOT:
        assert here.data.owner() != "root"
    assert server.start(state) == here, "a second start is the same server"
    server.remove(state)
    assert not server.running(state)
    assert not Path(here.place).exists()


def test_no_password_no_entry(pg_server: server.Server) -> None:
    with pytest.raises(psycopg.OperationalError, match=r"password|no password"):
        psycopg.connect(pg_server.url("postgres").replace(pg_server.password, "wrong"))


def test_it_listens_on_loopback_alone(pg_server: server.Server) -> None:
    with psycopg.connect(pg_server.url("postgres")) as connection:
        assert connection.execute("show listen_addresses").fetchone() == ("127.0.0.1",)
        assert connection.execute("show unix_socket_directories").fetchone() == ("",)


def test_it_comes_back_after_a_stop_with_what_it_held(private: Path) -> None:
    state = private / "state"
    with psycopg.connect(server.start(state).url("postgres"), autocommit=True) as connection:
        connection.execute("create table kept as select 7 as n")
    assert server.stop(state)
    assert not server.running(state)
    with psycopg.connect(server.start(state).url("postgres")) as connection:
        assert connection.execute("select n from kept").fetchone() == (7,)


@pytest.mark.skipif(not AS_ROOT, reason="the whole suite runs as an ordinary user then")
def test_an_ordinary_user_runs_it_too() -> None:
    """The same code under an unprivileged uid, with a state directory of that user's own."""
    user = pwd.getpwnam("nobody")
    home = Path(tempfile.mkdtemp(prefix="fieldwork-user-"))
    library = Path(tempfile.mkdtemp(prefix="fieldwork-library-"))
    library.chmod(0o755)
    os.chown(home, user.pw_uid, user.pw_gid)
    installed = server.wheel().parent
    try:
        for folder in (installed, installed.with_name(installed.name + ".libs")):
            shutil.copytree(folder, library / folder.name, symlinks=True)
        source = library / "server.py"
        source.write_text(
            Path(server.__file__).read_text().replace("from fieldwork.errors import", "from errors import")
        )
        shutil.copy(Path(sys.modules["fieldwork.errors"].__file__ or ""), library / "errors.py")
        script = (
            "import sys, pathlib; sys.path.insert(0, sys.argv[1]); import server; home = pathlib.Path(sys.argv[2]);"
            "here = server.start(home); assert here.user is None and server.running(home);"
            "assert here.place.startswith(sys.argv[2]); server.remove(home); assert not here.data.exists()"
        )
        done = subprocess.run(
            [_system_python(), "-c", script, str(library), str(home / "state")],
            user=user.pw_uid, group=user.pw_gid, extra_groups=[], cwd="/", env={"PATH": "/usr/bin:/bin"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    finally:
        shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(library, ignore_errors=True)


def _system_python() -> str:
    """A Python that the unprivileged user can start (the venv's may lie under a private folder)."""
    for candidate in ("/usr/bin/python3", sys.executable):
        if Path(candidate).exists():
            return candidate
    raise FileNotFoundError("python3")


@pytest.mark.skipif(not AS_ROOT, reason="only root chooses another user")
def test_an_unknown_user_is_refused(private: Path) -> None:
    with pytest.raises(ConfigError, match="unprivileged"):
        server.start(private / "state", user="no-such-user")
