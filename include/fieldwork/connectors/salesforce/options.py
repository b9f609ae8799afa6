"""How this company's Salesforce is read and written: the tables ``[salesforce.*]``, checked once.

Names of objects and fields go into SOQL and paths, so each must look like a name; nothing else is put there unquoted
but ``where``, which the company writes itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from fieldwork.connectors.datum import Datum, datum
from fieldwork.errors import ConfigError
from fieldwork.streams import STREAMS, Stream
from fieldwork.writeback.fields import ADDRESS

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
_VERSION: Final = re.compile(r"[1-9][0-9]{1,2}\.0")
_NOT_FIELDS: Final = frozenset({"object", "where", "values", *ADDRESS})


@dataclass(frozen=True, slots=True)
class Reading:
    """``[salesforce.read.<stream>]``: ``fields`` is our column -> the org's field, ``values`` our column -> words."""

    setting: str
    object: str
    fields: Mapping[str, str]
    where: str | None
    values: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Writing:
    """``[salesforce.write.<kind>]``: ``key`` finds the record, ``Id`` or an external id.

    ``write_key`` is the field that takes the idempotency key of our last write, None where the org has none.
    """

    setting: str
    object: str
    key: str
    fields: Mapping[str, str]
    write_key: str | None = None

    @property
    def by_id(self) -> bool:
        """Records are found by Salesforce's own id, so an absent one cannot be made."""
        return self.key == "Id"


@dataclass(frozen=True, slots=True)
class Options:
    """See docs/systems/salesforce.md for what each one means."""

    api_version: str
    page_size: int
    datum: Datum
    default_currency: str | None
    calls_per_second: float
    bulk_from: int
    readings: Mapping[str, Reading]
    writings: Mapping[str, Writing]
    zone: ZoneInfo

    @property
    def base(self) -> str:
        """Where the REST API begins."""
        return f"/services/data/v{self.api_version}"


def options(config: Mapping[str, Any]) -> Options:
    """From the whole configuration; raises ConfigError that names the setting at fault."""
    table = config.get("salesforce", {})
    version, pace = str(table.get("api_version", "62.0")), table.get("calls_per_second", 25)
    if not _VERSION.fullmatch(version):
        raise ConfigError("[salesforce] api_version is none.", todo='Write e.g. "62.0".')
    if not isinstance(pace, int | float) or pace <= 0:
        raise ConfigError("[salesforce] calls_per_second is no number above 0.", todo="Write e.g. 25.")
    bulk_from = table.get("bulk_from", 10_000)
    if not isinstance(bulk_from, int) or bulk_from < 0:
        raise ConfigError("[salesforce] bulk_from is no number of rows.", todo="Write e.g. 10000, or 0 for never.")
    page_size = table.get("page_size", 2000)
    if not isinstance(page_size, int) or not 200 <= page_size <= 2000:
        raise ConfigError("[salesforce] page_size is out of range.", todo="Write a number from 200 to 2000.")
    return Options(
        api_version=version,
        page_size=page_size,
        datum=datum(table.get("datum", "WGS-84")),
        default_currency=table.get("default_currency") or None,
        calls_per_second=float(pace),
        bulk_from=bulk_from,
        readings={name: _reading(name, part) for name, part in table.get("read", {}).items()},
        writings={kind: _writing(kind, part) for kind, part in table.get("write", {}).items()},
        zone=ZoneInfo(config.get("company", {}).get("time_zone", "Asia/Shanghai")),
    )


def _reading(name: str, table: Mapping[str, Any]) -> Reading:
    setting = f"salesforce.read.{name}"
    stream = STREAMS.get(name)
    if stream is None or stream.side != "crm":
        raise ConfigError(f"[{setting}] is of no stream of a CRM.", todo="Remove it, or mend its name.")
    fields = _fields(setting, table)
    foreign = sorted(fields.keys() - stream.column_types.keys())
    if foreign:
        raise ConfigError(
            f"[{setting}] maps {', '.join(foreign)}, which {name} does not have.",
            todo=f"Choose among: {', '.join(stream.columns)}.",
        )
    lacking = [one for one in _needed(stream) if one not in fields]
    if lacking:
        raise ConfigError(f"[{setting}] does not map {', '.join(lacking)}.", todo="Name the org's field for it.")
    values = table.get("values", {})
    if values.keys() - fields.keys():
        raise ConfigError(f"[{setting}.values] is about a column that is not mapped.", todo="Map it, or remove it.")
    return Reading(setting, _name(setting, "object", table.get("object")), fields, table.get("where") or None, values)


def _writing(kind: str, table: Mapping[str, Any]) -> Writing:
    setting = f"salesforce.write.{kind}"
    key = _name(setting, "key", table.get("key"))
    mark = table.get("write_key") or None
    return Writing(
        setting,
        _name(setting, "object", table.get("object")),
        key,
        _fields(setting, table),
        _name(setting, "write_key", mark) if mark else None,
    )


def _needed(stream: Stream) -> tuple[str, ...]:
    person = (stream.person,) if stream.person else ()
    return tuple(dict.fromkeys((stream.key, *person, "modified_at")))


def _fields(setting: str, table: Mapping[str, Any]) -> dict[str, str]:
    """Mapped columns; one that is mapped to an empty text is left out (the way to unmap a shipped default)."""
    given = {name: value for name, value in table.items() if name not in _NOT_FIELDS and value != ""}
    return {name: _name(setting, name, value) for name, value in given.items()}


def _name(setting: str, what: str, value: Any) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ConfigError(
            f"[{setting}] {what} is not the name of an object or field.",
            todo="Write its API name, such as Visit_Status__c; fields of a parent object cannot be named.",
        )
    return value
