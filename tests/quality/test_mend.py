"""Mending and dismissing: the original stays, the table notes who did what, and nothing is done by halves."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.errors import ConfigError
from fieldwork.quality import ageing, lines
from fieldwork.quality.choice import OPEN, Choice, span
from fieldwork.quality.mend import act, dismiss, mend, undo_dismissal
from fieldwork.settings import Settings
from tests.rules.world import with_config

ROW = {"record_id": "1", "user_id": "u1", "kind": "sideways", "punched_at": "2026-11-02T01:00:00+00:00"}


@pytest.fixture
def three(warehouse: Engine) -> Engine:
    """A new, a held and a replayed line: numbers 1, 2, 3; 41, 5 and 0 days old."""
    insert = sa.text(
        "insert into ops.quarantine"
        " (batch_id, system, stream, key, payload, rule, reason, status, fingerprint, set_aside_at)"
        " values (1, 'dingtalk', 'punches', :key, cast(:payload as jsonb), :rule, 'why', :status, :key,"
        " now() - make_interval(days => :days))"
    )
    blank = dict.fromkeys(("latitude", "longitude", "accuracy_m", "place", "parse_error"))
    with warehouse.begin() as connection:
        for key, status, days in (("1", "new", 41), ("2", "held", 5), ("3", "replayed", 0)):
            values = {"key": key, "status": status, "days": days, "rule": f"punches.{status}"}
            connection.execute(insert, values | {"payload": json.dumps(blank | ROW | {"record_id": key})})
    return warehouse


def _line(engine: Engine, number: int) -> Any:
    with engine.connect() as connection:
        return connection.execute(
            sa.text("select status, key, payload, mended, settled_at from ops.quarantine where quarantine_id = :n"),
            {"n": number},
        ).one()


def _mend(engine: Engine, changes: dict[int, dict[str, Any]], reason: str | None = None) -> int:
    with engine.begin() as connection:
        act(connection, "ann", reason)
        return mend(connection, changes)


def test_a_mended_row_stands_beside_the_one_that_came(three: Engine) -> None:
    assert _mend(three, {1: {"kind": "in"}, 2: {"kind": "sideways"}}, "typo") == 1
    one, two = _line(three, 1), _line(three, 2)
    assert (one.status, one.payload["kind"], one.mended["kind"]) == ("mended", "sideways", "in")
    assert (two.status, two.mended) == ("held", None)  # nothing was different
    assert _mend(three, {1: {"place": "gate", "record_id": "9"}}) == 1
    assert (_line(three, 1).key, _line(three, 1).mended["kind"]) == ("9", "in")

    with three.connect() as connection:
        line = lines.show(connection, 1)
    assert [(c.who, c.was, c.status, c.columns, c.reason) for c in line.history] == [
        ("ann", "new", "mended", ["kind"], "typo"), ("ann", "mended", "mended", ["place", "record_id"], None),
    ]  # fmt: skip
    assert line.mended_columns == ["kind", "place", "record_id"]
    assert "payload" not in line.about and "sideways" not in str(line)


def test_a_filled_cell_answers_what_could_not_be_read(three: Engine) -> None:
    broken = """update ops.quarantine set payload = payload || '{"parse_error": "x cannot be read"}'"""
    with three.begin() as connection:
        connection.execute(sa.text(broken))
    _mend(three, {1: {"kind": "in"}, 2: {"place": "gate"}})
    assert _line(three, 1).mended["parse_error"] == "x cannot be read"  # kind was there: the unread cell still is not
    assert _line(three, 2).mended["parse_error"] is None
    _mend(three, {1: {"parse_error": ""}})
    assert _line(three, 1).mended["parse_error"] is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({1: {"kind": "in"}, 99: {"kind": "in"}}, "no quarantined row 99"),
        ({1: {"kind": "in"}, 3: {"kind": "in"}}, "3 is replayed"),
        ({1: {"kind": "in"}, 2: {"height": "1"}}, "Row 2: punches has no column height"),
        ({1: {"kind": "in"}, 2: {"latitude": "north"}}, "Row 2: What was given for latitude"),
    ],
)
def test_one_refusal_changes_nothing(three: Engine, changes: dict[int, dict[str, Any]], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        _mend(three, changes)
    assert _line(three, 1).status == "new"


def test_dismissed_by_choice_and_taken_back(three: Engine) -> None:
    _mend(three, {2: {"kind": "out"}})
    with three.begin() as connection:
        act(connection, "bob", "test punches")
        assert dismiss(connection, Choice.of(streams=["punches"])) == 2
    assert [_line(three, n).status for n in (1, 2, 3)] == ["dismissed", "dismissed", "replayed"]
    with three.begin() as connection:
        assert dismiss(connection, Choice.of(ids=[1, 2, 3])) == 0
        assert undo_dismissal(connection, Choice.of(streams=["punches"])) == 2
    assert [(_line(three, n).status, _line(three, n).settled_at) for n in (1, 2)] == [("new", None), ("mended", None)]
    with three.connect() as connection:
        assert next((c.who, c.reason) for c in lines.show(connection, 1).history) == ("bob", "test punches")


def test_whoever_settles_a_row_in_psql_is_noted_too(three: Engine) -> None:
    with three.begin() as connection:
        connection.execute(sa.text("update ops.quarantine set status = 'dismissed'"))
        connection.execute(sa.text("update ops.quarantine set seen = seen + 1"))
        events = connection.execute(
            sa.text("select quarantine_id, who = session_user, was from ops.quarantine_event")
        ).all()
    assert [tuple(event) for event in events] == [(1, True, "new"), (2, True, "held"), (3, True, "replayed")]


def test_choices(three: Engine) -> None:
    def numbers(**said: Any) -> list[int]:
        with three.connect() as connection:
            return [row["quarantine_id"] for row in lines.listed(connection, Choice.of(**said))]

    assert numbers() == [1, 2, 3]
    assert numbers(statuses=OPEN) == [1, 2]
    assert numbers(older_than=span("7d")) == [1]
    assert numbers(rules=["punches.held"], streams=["punches", "visits"]) == [2]
    assert numbers(ids=[3], statuses=["new"]) == []
    with pytest.raises(ConfigError, match="no status 'old'"):
        Choice.of(statuses=["old"])
    with pytest.raises(ConfigError, match="no stream 'x'"):
        Choice.of(streams=["x"])
    for wrong in ("7", "d", "-1d", "1w", ""):
        with pytest.raises(ConfigError, match="no length of time"):
            span(wrong)
    assert [lines.days(span(text)) for text in ("90m", "47h", "49h", "9d")] == ["1 h", "47 h", "2 d", "9 d"]
    assert lines.days(timedelta(seconds=-5)) == "0 min"


def test_ageing_and_its_limits(three: Engine, settings: Settings) -> None:
    def waiting(**limits: int) -> dict[str, Any]:
        quality = {**settings.section("quality"), **limits}
        with three.connect() as connection:
            return ageing.waiting(connection, with_config(settings, quality=quality))

    with three.connect() as connection:
        told = [
            (r["rule"], r["rows"], r["days_3_to_7"], r["over_30_days"], r["oldest_days"])
            for r in ageing.report(connection)
        ]
    assert told == [("punches.new", 1, 0, 1, 41), ("punches.held", 1, 1, 0, 5)]
    assert waiting(quarantine_max_rows=2, quarantine_max_age_days=60) == {"rows": 2, "oldest_days": 41, "warnings": []}
    assert waiting(quarantine_max_rows=0, quarantine_max_age_days=0)["warnings"] == []
    assert waiting(quarantine_max_rows=1, quarantine_max_age_days=14)["warnings"] == [
        "2 rows wait in quarantine, more than quarantine_max_rows = 1.",
        "1 quarantined rows have waited longer than quarantine_max_age_days = 14; the oldest 41 days.",
    ]
