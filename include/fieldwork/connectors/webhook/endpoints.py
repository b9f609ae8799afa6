"""What the company configured: ``[webhooks]`` for all endpoints, one ``[[webhook]]`` (or one connection) for each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from ipaddress import ip_network
from typing import Any, Final

import requests

from fieldwork.errors import ConfigError
from fieldwork.writeback.fields import COLUMNS, must_hold_work

from . import address, envelope, signature
from .target import Endpoint, Limits, Webhook

#: The connection that is an endpoint without a word in the configuration, and what others are named after.
CONNECTION: Final = "fieldwork_webhook"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_KEYS: Final = frozenset(
    {"name", "connection", "url", "secrets", "kinds", "fields", "since", "media_type", "headers", "parallel"}
)
#: Headers that are ours to set.
_OURS: Final = re.compile(r"(webhook|content|transfer|proxy)-.*|host|connection|user-agent|expect", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One ``[[webhook]]``. Address and secrets are the connection's, unless ``url`` is given here."""

    name: str
    connection: str
    kinds: tuple[str, ...]
    fields: Mapping[str, tuple[str, ...]]
    since: date | None = None
    media: str = envelope.MEDIA
    parallel: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    url: str | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


def entries(config: Mapping[str, Any]) -> list[Entry]:
    """The endpoints that the configuration names; raises ConfigError that names the one at fault."""
    found = [entry(table) for table in config.get("webhook", [])]
    names = [one.name for one in found]
    if len(set(names)) < len(names):
        raise ConfigError("Two [[webhook]] have the same name.", todo="Give each a name of its own.")
    return found


def entry(table: Mapping[str, Any]) -> Entry:
    """One endpoint from its table, or from what a connection says in extra; raises ConfigError."""
    name = str(table.get("name", ""))
    if not _NAME.fullmatch(name):
        raise ConfigError(
            "A [[webhook]] has no usable name.", todo="Small letters, digits, - and _, at most 40: it stands in tables."
        )
    foreign = sorted(set(table) - _KEYS)
    if foreign:
        raise ConfigError(
            f"[[webhook]] {name} has {', '.join(foreign)}.", todo=f"It may have: {', '.join(sorted(_KEYS))}."
        )
    kinds = tuple(table.get("kinds", COLUMNS))
    since = table.get("since")
    if since is not None and type(since) is not date:
        since = _day(str(since), name)
    return Entry(
        name=name,
        connection=str(table.get("connection", f"{CONNECTION}_{name}")),
        kinds=kinds,
        fields=_fields(name, kinds, table.get("fields", {})),
        since=since,
        media=str(table.get("media_type", envelope.MEDIA)),
        parallel=table.get("parallel"),
        headers=_headers(name, table.get("headers", {})),
        url=table.get("url"),
        secrets=tuple(table.get("secrets", ())),
    )


def build(
    one: Entry, session: requests.Session, url: str, secrets: Sequence[str], config: Mapping[str, Any]
) -> Webhook:
    """The endpoint ready to be called; ``secrets``: the valid ones, the newest first. Raises ConfigError."""
    rules = config["webhooks"]
    endpoint = Endpoint(
        name=one.name,
        url=url,
        signers=tuple(signature.signer(text, one.name) for text in secrets if text),
        fields=one.fields,
        source=str(rules["source"]),
        since=one.since,
        parallel=int(one.parallel or rules["parallel"]),
        media=one.media,
        headers=one.headers,
        networks=_networks(rules["allow_networks"]),
    )
    limits = Limits(answer_s=float(rules["answer_seconds"]), body_bytes=int(rules["body_bytes"]))
    return Webhook(endpoint, session, limits)


def _fields(name: str, kinds: Sequence[str], chosen: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The fields of each kind: those chosen, else all that may leave. Nothing else can be named."""
    unknown = sorted({*kinds, *chosen} - COLUMNS.keys())
    if unknown or not kinds:
        raise ConfigError(
            f"[[webhook]] {name} wants {', '.join(unknown) or 'nothing'}.", todo=f"Kinds are: {', '.join(COLUMNS)}."
        )
    found = {}
    for kind in kinds:
        wanted = tuple(chosen.get(kind, COLUMNS[kind]))
        foreign = sorted(set(wanted) - COLUMNS[kind].keys())
        if foreign or not wanted:
            raise ConfigError(
                f"[[webhook]] {name} wants {', '.join(foreign) or 'no field'} of {kind}, which may not leave.",
                todo=f"Choose among: {', '.join(COLUMNS[kind])}.",
            )
        for field_name in wanted:
            must_hold_work(f"[[webhook]] {name}: {field_name}", COLUMNS[kind][field_name])
        found[kind] = wanted
    return found


def _headers(name: str, given: Mapping[str, str]) -> dict[str, str]:
    ours = sorted(header for header in given if _OURS.fullmatch(header))
    if ours:
        raise ConfigError(
            f"[[webhook]] {name} sets {', '.join(ours)}, which Fieldwork sets itself.", todo="Take it out of headers."
        )
    return {header: str(value) for header, value in given.items()}


def _networks(texts: Sequence[str]) -> tuple[address.Network, ...]:
    try:
        return tuple(ip_network(text) for text in texts)
    except ValueError:
        raise ConfigError(
            "[webhooks] allow_networks holds something that is no network.", todo='Write e.g. ["10.20.0.0/16"].'
        ) from None


def _day(text: str, name: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"since of [[webhook]] {name} is no day.", todo="Write e.g. 2026-11-01.") from None
