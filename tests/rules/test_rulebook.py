"""The rules of the configuration: what is accepted, what is refused and with which words."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path
from typing import Any

import pytest

from fieldwork import settings as settings_module
from fieldwork.errors import ConfigError
from fieldwork.rules import rulebook
from fieldwork.settings import Settings
from tests.rules.world import with_config

START = date(2000, 1, 1)
OFFICE = {"scope": "company", "subject": "*", "from": START, "shift": "office"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The shipped configuration; no warehouse is asked."""
    return settings_module.load({"FIELDWORK_HOME": str(tmp_path)})


def changed(settings: Settings, table: str, **over: Any) -> Settings:
    """The first entry of a list with other values; None takes a value out."""
    entry = {k: v for k, v in {**settings.config[table][0], **over}.items() if v is not None}
    return with_config(settings, **{table: [entry, *settings.config[table][1:]]})


def test_the_shipped_rules(settings: Settings) -> None:
    book = rulebook.read(settings)
    assert [v["version"] for v in book.versions] == ["2000-1"]
    assert {s["shift"]: (s["starts"], s["ends"]) for s in book.shifts}["night"] == (time(22), time(6))
    assert [(r["scope"], r["subject"], r["shift"], r["valid_to"]) for r in book.rosters] == [
        ("company", "*", "office", None)
    ]


def test_an_entry_ends_where_the_next_of_its_name_begins(settings: Settings) -> None:
    rules = settings.config["rules"][0]
    later = {**rules, "version": "2026-1", "from": date(2026, 1, 1)}
    book = rulebook.read(with_config(settings, rules=[later, rules]))
    assert [(v["version"], v["valid_to"]) for v in book.versions] == [("2000-1", date(2026, 1, 1)), ("2026-1", None)]


def test_the_hash_is_of_the_content_not_of_its_end(settings: Settings) -> None:
    before = rulebook.read(settings).versions[0]
    later = {**settings.config["rules"][0], "version": "2026-1", "from": date(2026, 1, 1)}
    after = rulebook.read(with_config(settings, rules=[*settings.config["rules"], later])).versions[0]
    changed_grace = rulebook.read(changed(settings, "rules", duplicate_seconds=31)).versions[0]
    assert before["config_hash"] == after["config_hash"] != changed_grace["config_hash"]


#: of the shipped rules in the first release: published days carry it
FIRST_HASH = "4f4fd4c9c329371f167cb673d89ca293762fcce2d6f9b5e875d12c1cbcf7fcd4"


def test_a_version_that_was_written_before_a_measure_existed_stays_the_version_it_was(settings: Settings) -> None:
    shipped = rulebook.read(settings).versions[0]
    assert shipped["config_hash"] == FIRST_HASH
    earlier = rulebook.read(changed(settings, "rules", nearby_m=None, poor_accuracy_m=None, speed_limit_kmh=None))
    assert earlier.versions[0] == shipped
    for measure in ("nearby_m", "poor_accuracy_m", "speed_limit_kmh"):
        other = rulebook.read(changed(settings, "rules", **{measure: 500})).versions[0]
        assert other["config_hash"] != shipped["config_hash"]


@pytest.mark.parametrize(
    ("table", "over", "words"),
    [
        ("rules", {"nearby_m": -1}, "nearby_m must be a number from 0 up"),
        ("rules", {"time_zone": "Asia/Peking"}, "'Asia/Peking' is no time zone"),
        ("rules", {"from": None}, "from is missing"),
        ("rules", {"from": "2000-01-01"}, "from is missing or no date"),
        ("rules", {"duplicate_seconds": -1}, "duplicate_seconds must be a number from 0 up"),
        ("rules", {"duplicate_seconds": 0.5}, "duplicate_seconds must be"),
        ("rules", {"default_radius_m": True}, "default_radius_m must be"),
        ("rules", {"weights": {"charm": 1.0}}, "weights must be"),
        ("rules", {"until": date(2020, 1, 1)}, "no entry holds from some day on"),
        ("shift", {"kind": "rolling"}, "kind is 'rolling'"),
        ("shift", {"kind": "flexible"}, "required_minutes None"),
        ("shift", {"break_ends": None}, "one end of a break"),
        ("shift", {"starts": "9:00"}, "starts is missing or no time"),
        ("shift", {"until": START}, "ends on 2000-01-01"),
        ("rules", {"long_span_minutes": "16 h"}, "long_span_minutes must be a number"),
        ("rules", {"leave_joins_break": 1}, "leave_joins_break is missing or no bool"),
        ("rules", {"overtime_tolerance": 30}, "overtime_tolerance means nothing here"),
        ("roster", {"shift": "sleep"}, "the shift 'sleep', which does not exist"),
        ("roster", {"scope": "planet"}, "scope is 'planet'"),
    ],
)
def test_refused(settings: Settings, table: str, over: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        rulebook.read(changed(settings, table, **over))


@pytest.mark.parametrize(
    "second",
    [{**OFFICE, "shift": "night"}, {**OFFICE, "from": date(2001, 1, 1), "shift": "night"}],
)
def test_two_entries_on_one_day(settings: Settings, second: dict[str, Any]) -> None:
    first = {**OFFICE, "until": date(2002, 1, 1)}
    with pytest.raises(ConfigError, match=f"two entries hold on {second['from']}"):
        rulebook.read(with_config(settings, roster=[first, second]))


def test_a_gap_in_the_companys_roster(settings: Settings) -> None:
    first, second = {**OFFICE, "until": date(2002, 1, 1)}, {**OFFICE, "from": date(2003, 1, 1)}
    with pytest.raises(ConfigError, match="nothing holds from 2002-01-01 to 2003-01-01"):
        rulebook.read(with_config(settings, roster=[first, second]))


def test_no_list_at_all(settings: Settings) -> None:
    with pytest.raises(ConfigError, match=r"no list \[\[shift\]\]"):
        rulebook.read(with_config(settings, shift=[]))


def test_a_version_that_says_nothing_new_keeps_its_hash(settings: Settings) -> None:
    """Rules that came later must not make an old version look changed: published days were computed with it."""
    shipped = "4f4fd4c9c329371f167cb673d89ca293762fcce2d6f9b5e875d12c1cbcf7fcd4"
    (version,) = rulebook.read(settings).versions
    assert version["config_hash"] == shipped
    same = rulebook.read(changed(settings, "rules", long_span_minutes=960, leave_joins_break=False)).versions
    assert same[0]["config_hash"] == shipped
    other = rulebook.read(changed(settings, "rules", long_span_minutes=720)).versions
    assert other[0]["config_hash"] != shipped
