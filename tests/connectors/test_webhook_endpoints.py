"""What the configuration may say about endpoints, and what it may not."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import requests

from fieldwork.connectors.webhook.endpoints import build, entries, entry
from fieldwork.errors import ConfigError
from fieldwork.settings import load
from fieldwork.warehouse.schema import mart
from fieldwork.writeback import fields

from .receiver import OLD, SECRET

URL = "https://hooks.example.com/x"


@pytest.fixture(scope="module")
def config() -> Any:
    return load({}).config


def test_nothing_is_configured_by_default(config: Any) -> None:
    assert entries(config) == []


def test_an_entry_with_its_defaults() -> None:
    one = entry({"name": "n8n"})
    assert (one.connection, one.since, one.url) == ("fieldwork_webhook_n8n", None, None)
    assert one.fields == {kind: tuple(names) for kind, names in fields.COLUMNS.items()}


def test_an_entry_that_says_it_all(config: Any) -> None:
    one = entry(
        {
            "name": "esb", "url": URL, "secrets": [SECRET, OLD], "kinds": ["visit"], "since": "2026-11-01",
            "fields": {"visit": ["checkin_verdict"]}, "media_type": "application/json", "parallel": 2,
            "headers": {"X-Api-Key": "k"},
        }
    )  # fmt: skip
    target = build(one, requests.Session(), URL, one.secrets, config)
    assert (target.name, target.parallel, target.since) == ("esb", 2, date(2026, 11, 1))
    assert target.fields == {"visit": ("checkin_verdict",)} and len(target.endpoint.signers) == 2
    assert SECRET not in repr(one) and URL not in repr(one)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({}, "name"),
        ({"name": "N8N Prod"}, "name"),
        ({"name": "x", "secert": "typo"}, "secert"),
        ({"name": "x", "kinds": ["punch"]}, "punch"),
        ({"name": "x", "kinds": []}, "nothing"),
        ({"name": "x", "fields": {"visit": ["distance_m"]}}, "distance_m of visit, which may not leave"),
        ({"name": "x", "fields": {"performance": ["late_minutes"]}}, "late_minutes"),
        ({"name": "x", "fields": {"visit": []}}, "no field"),
        ({"name": "x", "since": "yesterday"}, "since"),
        ({"name": "x", "headers": {"Webhook-Signature": "v1,x"}}, "Webhook-Signature"),
        ({"name": "x", "headers": {"content-length": "0"}}, "content-length"),
    ],
)
def test_what_may_not_be_said_is_named(table: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        entry(table)


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="same name"):
        entries({"webhook": [{"name": "x"}, {"name": "x"}]})


def test_a_column_is_judged_by_what_it_holds_and_not_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fields.COLUMNS["visit"], "quality", mart.visit_check.c.distance_m)
    with pytest.raises(ConfigError, match="holds a place"):
        entry({"name": "x", "fields": {"visit": ["quality"]}})


def test_an_endpoint_without_a_secret_and_a_network_that_is_none_are_refused(config: Any) -> None:
    one = entry({"name": "x"})
    with pytest.raises(ConfigError, match="no secret"):
        build(one, requests.Session(), URL, ["", ""], config)
    with pytest.raises(ConfigError, match="allow_networks"):
        build(one, requests.Session(), URL, [SECRET], {"webhooks": {**config["webhooks"], "allow_networks": ["lan"]}})


def test_secrets_in_the_configuration_do_not_show(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(f'[[webhook]]\nname = "x"\nurl = "{URL}"\nsecrets = ["{SECRET}"]\n')
    settings = load({"FIELDWORK_CONFIG": str(own)})
    assert entries(settings.config)[0].secrets == (SECRET,)
    assert SECRET not in repr(settings)
