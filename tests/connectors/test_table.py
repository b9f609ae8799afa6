from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from fieldwork.connectors.table import SYSTEMS, build_source, build_target
from fieldwork.errors import ConfigError
from fieldwork.streams import Window

from .sandboxed import config

WAY: dict[str, Any] = {
    "session": requests.Session(),
    "base_url": "https://x.example",
    "login": "id",
    "password": "canary",
}


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_source_is_built_without_a_call(system: str) -> None:
    source = build_source(system, **WAY, config=config())
    assert source.system == system and 1 <= source.parallel <= 10


def test_salesforce_is_written_to_and_dingtalk_is_not() -> None:
    target = build_target("salesforce", **WAY, config=config())
    assert (target.system, target.batch_size) == ("salesforce", 200)
    with pytest.raises(ConfigError, match="Nothing is written to dingtalk"):
        build_target("dingtalk", **WAY, config=config())


def test_an_unknown_system_is_named_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="dingtalk, salesforce"):
        build_source("abacus", **WAY, config=config())


@pytest.mark.parametrize(
    ("setting", "words"),
    [({"leave_discovery": "guess"}, "leave_discovery"), ({"datum": "GCJ"}, "GCJ"),
     ({"calls_per_second": -1}, "calls_per_second"), ({"also_user_ids": "u1"}, "also_user_ids")],
)  # fmt: skip
def test_a_bad_setting_is_named(setting: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        build_source("dingtalk", **WAY, config=config({"dingtalk": setting}))


@pytest.mark.parametrize("stream", ["visits", "nonsense"])
def test_a_stream_of_another_system_is_refused(stream: str) -> None:
    window = Window(None, datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(ConfigError):
        build_source("dingtalk", **WAY, config=config()).slices(stream, window)
