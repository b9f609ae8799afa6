"""How this company's DingTalk is read: the table ``[dingtalk]`` of the configuration, checked once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from zoneinfo import ZoneInfo

from fieldwork.connectors.datum import Datum, datum
from fieldwork.errors import ConfigError

Discovery = Literal["status", "every_day"]


@dataclass(frozen=True, slots=True)
class Options:
    """See docs/systems/dingtalk.md for what each one means."""

    zone: ZoneInfo
    datum: Datum = "GCJ-02"
    calls_per_second: float = 20.0
    checkins: bool = True
    root_department: int = 1
    leave_discovery: Discovery = "status"
    left_on_extension: str = "left_on"
    also_user_ids: tuple[str, ...] = ()


def options(config: Mapping[str, Any]) -> Options:
    """From the whole configuration; raises ConfigError that names the setting at fault."""
    table = config.get("dingtalk", {})
    discovery = table.get("leave_discovery", "status")
    if discovery not in ("status", "every_day"):
        raise ConfigError("[dingtalk] leave_discovery is unknown.", todo='Write "status" or "every_day".')
    people = table.get("also_user_ids", [])
    if not isinstance(people, list) or not all(isinstance(one, str) for one in people):
        raise ConfigError("[dingtalk] also_user_ids is no list of texts.", todo='Write e.g. ["manager4220"].')
    pace = table.get("calls_per_second", 20)
    if not isinstance(pace, int | float) or pace <= 0:
        raise ConfigError("[dingtalk] calls_per_second is no number above 0.", todo="Write what DingTalk grants you.")
    return Options(
        zone=ZoneInfo(config.get("company", {}).get("time_zone", "Asia/Shanghai")),
        datum=datum(table.get("datum", "GCJ-02")),
        calls_per_second=float(pace),
        checkins=bool(table.get("checkins", True)),
        root_department=int(table.get("root_department", 1)),
        leave_discovery=discovery,
        left_on_extension=str(table.get("left_on_extension", "left_on")),
        also_user_ids=tuple(people),
    )
