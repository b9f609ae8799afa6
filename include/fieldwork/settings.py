"""One frozen Settings object. The environment and the config files are read here and nowhere else.

Order of trust: environment variables, then the profile that ``fieldwork demo`` leaves in the state directory
(``profile.json``), then the defaults.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fieldwork.errors import ConfigError

ROOT: Final = Path(__file__).resolve().parents[2]

#: Every environment variable that Fieldwork reads, and what it is for (the docs list is checked against this).
VARIABLES: Final[dict[str, str]] = {
    "FIELDWORK_HOME": "State directory; default .fieldwork beside the DAGs",
    "FIELDWORK_WAREHOUSE_URL": "Warehouse, e.g. postgresql://user:password@host/db; default an embedded server",
    "FIELDWORK_CONFIG": "Your own TOML file, merged over include/config/fieldwork.toml",
    "FIELDWORK_IDENTITY": "Your own identity.csv; default include/config/identity.csv",
    "FIELDWORK_ROSTER": "Your own roster.csv: who works which shift on which date; default include/config/roster.csv",
    "FIELDWORK_EXPECTATIONS": "Directory of the suites; default expectations/",
    "FIELDWORK_CONNECTIONS": "JSON file of Airflow connections; default those of Airflow itself",
    "FIELDWORK_NOW": "What to take as now (ISO 8601 with offset), for rehearsals; default the clock",
    "FIELDWORK_POSTGRES_USER": "System user that runs the embedded server for root; default postgres or nobody",
    "FIELDWORK_FAILPOINT": "Kill the process at a named point (name or name:n); for tests",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What everything else is told; built by :func:`load`."""

    home: Path
    #: may hold the secrets of webhooks
    config: Mapping[str, Any] = field(repr=False)
    identity_file: Path
    roster_file: Path
    expectations: Path
    connections: Path | None
    time_zone: ZoneInfo
    #: name of the database on the embedded server
    database: str
    warehouse_url: str | None = field(repr=False)
    fixed_now: datetime | None = None
    postgres_user: str | None = None
    failpoint: str | None = None

    def now(self) -> datetime:
        """The instant to take as now, in UTC."""
        return self.fixed_now or datetime.now(UTC)

    def section(self, *path: str) -> Mapping[str, Any]:
        """A table of the configuration; raises ConfigError when it is missing."""
        node: Any = self.config
        for step in path:
            node = node.get(step) if isinstance(node, Mapping) else None
        if not isinstance(node, Mapping):
            raise ConfigError(
                f"The configuration has no table [{'.'.join(path)}].",
                todo="Compare your FIELDWORK_CONFIG with include/config/fieldwork.toml.",
            )
        return node


def load(env: Mapping[str, str] | None = None) -> Settings:
    """Read environment, profile and config files; raises ConfigError that names the file or variable at fault."""
    env = os.environ if env is None else env
    home = Path(env.get("FIELDWORK_HOME") or ROOT / ".fieldwork").expanduser().resolve()
    profile = _profile(home)
    own = env.get("FIELDWORK_CONFIG") or profile.get("config")
    config = read_config(Path(own).expanduser() if own else None)
    zone = config["company"]["time_zone"]
    try:
        time_zone = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigError(f"{zone!r} is no time zone.", todo="Use an IANA name such as Asia/Shanghai.") from None
    connections = env.get("FIELDWORK_CONNECTIONS") or profile.get("connections")
    return Settings(
        home=home,
        config=config,
        identity_file=Path(env.get("FIELDWORK_IDENTITY") or ROOT / "include" / "config" / "identity.csv"),
        roster_file=Path(env.get("FIELDWORK_ROSTER") or ROOT / "include" / "config" / "roster.csv"),
        expectations=Path(env.get("FIELDWORK_EXPECTATIONS") or ROOT / "expectations"),
        connections=Path(connections) if connections else None,
        time_zone=time_zone,
        database=profile.get("database", "fieldwork"),
        warehouse_url=env.get("FIELDWORK_WAREHOUSE_URL") or None,
        fixed_now=_instant("FIELDWORK_NOW", env.get("FIELDWORK_NOW") or profile.get("now")),
        postgres_user=env.get("FIELDWORK_POSTGRES_USER") or None,
        failpoint=env.get("FIELDWORK_FAILPOINT") or None,
    )


def read_config(own: Path | None) -> dict[str, Any]:
    """The shipped configuration with one's own file laid on it; raises ConfigError that names the file at fault."""
    shipped = _toml(ROOT / "include" / "config" / "fieldwork.toml")
    return merge(shipped, _toml(own)) if own else shipped


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` laid on ``base``: tables are merged, everything else is replaced."""
    merged = dict(base)
    for name, value in over.items():
        mine = merged.get(name)
        merged[name] = merge(mine, value) if isinstance(mine, Mapping) and isinstance(value, Mapping) else value
    return merged


def _profile(home: Path) -> dict[str, str]:
    path = home / "profile.json"
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except ValueError:
        raise ConfigError(f"{path} is not JSON.", todo="Delete it; `fieldwork demo` writes it again.") from None


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"There is no config file {path}.", todo="Check FIELDWORK_CONFIG.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}.", todo="Mend the line it names.") from None


def _instant(name: str, text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise ConfigError(f"{name} is not an instant with an offset.", todo="Write e.g. 2026-11-08T02:30:00+08:00.")
    return instant.astimezone(UTC)
