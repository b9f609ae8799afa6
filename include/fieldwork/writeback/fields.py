"""The fields that may leave for the CRM: each is one column of the warehouse, and has its type and its class.

``[<system>.write.<kind>]`` in the configuration maps these names to the org's own; it may leave some out, but it can
name no other. A column may leave when it holds work and nothing else (``warehouse/schema/classes.py``): coordinates,
contacts and what pay is computed from are refused by what they hold, whatever the field is called.
"""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa

from fieldwork.errors import ConfigError
from fieldwork.settings import Settings
from fieldwork.streams import DAY, INSTANT, MONEY, NUMBER, TEXT
from fieldwork.warehouse.schema import classes, core, mart

COUNT: Final = pa.int64()

#: kind of record: its fields, each with the column that it is
COLUMNS: Final[dict[str, dict[str, sa.Column[Any]]]] = {
    "visit": {
        "checkin_verdict": mart.visit_check.c.verdict,
        "checkin_at": mart.visit_check.c.checked_in_at,
        "checkin_minutes_off": mart.visit_check.c.minutes_off,
        "checkin_reason": mart.visit_check.c.reason,
    },
    "performance": {
        "user": core.crm_user.c.crm_user_id,
        **{
            name: mart.performance_day.c[name]
            for name in (
                "work_date", "status", "visits_planned", "visits_done", "visits_verified", "tasks_due",
                "tasks_on_time", "follow_ups", "opportunities_created", "opportunities_won", "amount_won",
                "performance_index", "rule_version",
            )
        },
    },
}  # fmt: skip

_TYPES: Final[dict[type[Any], pa.DataType]] = {
    sa.Text: TEXT,
    sa.DateTime: INSTANT,
    sa.Date: DAY,
    sa.Integer: COUNT,
    sa.Double: NUMBER,
    sa.Numeric: MONEY,
}
#: kind of record: its fields as they travel
FIELDS: Final[dict[str, dict[str, pa.DataType]]] = {
    kind: {name: _TYPES[type(column.type)] for name, column in columns.items()} for kind, columns in COLUMNS.items()
}

#: Entries of a mapping that are not fields of ours: the object's name, the field that finds the record, and the field
#: that takes the idempotency key of the last write.
ADDRESS: Final = frozenset({"object", "key", "write_key"})


def kinds(settings: Settings) -> tuple[str, ...]:
    """The kinds of record to write, from ``[write_back]``; raises ConfigError for one that does not exist."""
    wanted = tuple(settings.section("write_back")["kinds"])
    for kind in wanted:
        if kind not in FIELDS:
            raise ConfigError(f"Nothing of kind {kind!r} is written.", todo=f"Choose among: {', '.join(FIELDS)}.")
    return wanted


def mapped(settings: Settings, system: str, kind: str) -> tuple[str, ...]:
    """The fields of this kind that the configuration maps for this CRM, in the order of :data:`FIELDS`.

    A name that is mapped to an empty text is left out. Raises ConfigError for a name that may not leave, for a column
    that holds something else than work, and when no field is mapped.
    """
    table = settings.section(system, "write", kind)
    names = {name for name, field in table.items() if field != ""} - ADDRESS
    allowed = COLUMNS[kind]
    foreign = sorted(names - allowed.keys())
    if foreign or not names:
        happened = f"maps {', '.join(foreign)}, which may not leave for the CRM" if foreign else "maps no field"
        raise ConfigError(f"[{system}.write.{kind}] {happened}.", todo=f"Choose among: {', '.join(allowed)}.")
    for name in sorted(names):
        must_hold_work(f"[{system}.write.{kind}] {name}", allowed[name])
    return tuple(name for name in allowed if name in names)


def ours(settings: Settings, kind: str) -> tuple[str, ...]:
    """The fields that people's edits do not keep (``[write_back.ours]``); raises ConfigError for an unknown name."""
    declared = tuple(settings.section("write_back").get("ours", {}).get(kind, ()))
    unknown = sorted(set(declared) - FIELDS[kind].keys())
    if unknown:
        raise ConfigError(
            f"[write_back.ours] {kind} names {', '.join(unknown)}, which is no field of ours.",
            todo=f"Choose among: {', '.join(FIELDS[kind])}.",
        )
    return declared


def marks(settings: Settings, system: str, kind: str) -> bool:
    """Whether the CRM has a field for the name of our last write."""
    return bool(settings.section(system, "write", kind).get("write_key"))


def check(settings: Settings) -> None:
    """Judge everything that the configuration lets leave, for every system that it maps; raises ConfigError.

    Called before anything is read: a mapping that may not be is not found out at the end of the night.
    """
    for kind in kinds(settings):
        ours(settings, kind)
    for system, table in settings.config.items():
        written = table.get("write", {}) if isinstance(table, dict) else {}
        for kind in written:
            if kind not in FIELDS:
                raise ConfigError(
                    f"[{system}.write.{kind}] is of no kind that is written.",
                    todo=f"Choose among: {', '.join(FIELDS)}.",
                )
            mapped(settings, system, kind)


def must_hold_work(where: str, column: sa.Column[Any]) -> None:
    """Raise ConfigError, which names the place ``where`` it is asked for, unless the column holds work and no more."""
    held = classes.holds(column)
    if held == classes.WORK:
        return
    what = {classes.PLACE: "a place", classes.CONTACT: "a contact", classes.PAY: "what pay is computed from"}
    raise ConfigError(
        f"{where} is {column.table.fullname}.{column.name}, which holds {what.get(held or '', 'nobody said what')}.",
        todo="Take it out of the mapping: it may not leave.",
    )
