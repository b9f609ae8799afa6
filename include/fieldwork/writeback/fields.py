"""The fields that may leave for the CRM, with their types. Nothing else can: no coordinate, phone or name, and no
minutes that pay is computed from (late, worked, early, overtime).

``[<system>.write.<kind>]`` in the configuration maps these names to the org's own; it may leave some out, but it can
name no other.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from fieldwork.errors import ConfigError
from fieldwork.settings import Settings
from fieldwork.streams import DAY, INSTANT, MONEY, NUMBER, TEXT

COUNT: Final = pa.int64()

#: kind of record: its fields as ``wanted_<kind>.sql`` gives them
FIELDS: Final[dict[str, dict[str, pa.DataType]]] = {
    "visit": {
        "checkin_verdict": TEXT,
        "checkin_at": INSTANT,
        "checkin_minutes_off": COUNT,
        "checkin_reason": TEXT,
    },
    "performance": {
        "user": TEXT,
        "work_date": DAY,
        "status": TEXT,
        "visits_planned": COUNT,
        "visits_done": COUNT,
        "visits_verified": COUNT,
        "tasks_due": COUNT,
        "tasks_on_time": COUNT,
        "follow_ups": COUNT,
        "opportunities_created": COUNT,
        "opportunities_won": COUNT,
        "amount_won": MONEY,
        "performance_index": NUMBER,
        "rule_version": TEXT,
    },
}

#: Entries of a mapping that are not fields: the object's name and the field that finds the record.
ADDRESS: Final = frozenset({"object", "key"})


def kinds(settings: Settings) -> tuple[str, ...]:
    """The kinds of record to write, from ``[write_back]``; raises ConfigError for one that does not exist."""
    wanted = tuple(settings.section("write_back")["kinds"])
    for kind in wanted:
        if kind not in FIELDS:
            raise ConfigError(f"Nothing of kind {kind!r} is written.", todo=f"Choose among: {', '.join(FIELDS)}.")
    return wanted


def mapped(settings: Settings, system: str, kind: str) -> tuple[str, ...]:
    """The fields of this kind that the configuration maps for this CRM, in the order of :data:`FIELDS`.

    Raises ConfigError for a name that may not leave, and when no field is mapped.
    """
    names = set(settings.section(system, "write", kind)) - ADDRESS
    allowed = FIELDS[kind]
    foreign = sorted(names - allowed.keys())
    if foreign or not names:
        happened = f"maps {', '.join(foreign)}, which may not leave for the CRM" if foreign else "maps no field"
        raise ConfigError(f"[{system}.write.{kind}] {happened}.", todo=f"Choose among: {', '.join(allowed)}.")
    return tuple(name for name in allowed if name in names)
