"""The demo as a person runs it: a clean city equals the truth, twice changes nothing, and one's own CSV files work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from fieldwork.sandbox import score as scores
from fieldwork.sandbox import up as sandbox
from fieldwork.settings import load
from fieldwork.warehouse.engine import open_engine

TINY = Path(__file__).parent / "tiny"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A state directory of the demo's own, with an embedded server of its own."""
    yield tmp_path / "home"
    _fieldwork(tmp_path / "home", "clean")


def _fieldwork(home: Path, *arguments: str) -> str:
    """Run a command with nothing configured but the state directory; its output. Fails the test when it fails."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("FIELDWORK_", "AIRFLOW_"))}
    done = subprocess.run(
        [sys.executable, "-m", "fieldwork", *arguments],
        env=environment | {"FIELDWORK_HOME": str(home)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(300)
def test_a_clean_city_equals_the_truth_and_a_second_run_changes_nothing(home: Path) -> None:
    city = ("--people", "30", "--days", "7", "--faults", "none")
    first = _fieldwork(home, "demo", *city)
    for title in ("Rows by stream", "Quarantined rows by rule", "Visits by verdict", "CRM writes", "Time by step"):
        assert title in first
    engine = open_engine(load({"FIELDWORK_HOME": str(home)}))
    running = sandbox.status(home)
    assert running is not None
    found = scores.score(engine, running.options.company().truth)
    assert (found.attendance, found.verdicts, found.precision, found.recall) == (1.0, 1.0, 1.0, 1.0)
    assert found.differences == ()

    url = _fieldwork(home, "url").strip()
    with psycopg.connect(url) as connection:
        before = connection.execute("select max(published_at), count(*) from mart.performance_day").fetchone()
        _fieldwork(home, "demo", *city)
        assert connection.execute("select max(published_at), count(*) from mart.performance_day").fetchone() == before
        assert connection.execute("select count(*) from mart.performance_day_history").fetchone() == (0,)
        newest = connection.execute(
            "select sum((kind.value ->> 'sent')::int) "
            "from ops.step as s cross join lateral jsonb_each(s.result) as kind "
            "where s.step = 'write_back' and s.run_id = (select run_id from ops.run order by started_at desc limit 1) "
            "and jsonb_typeof(kind.value) = 'object'"
        ).fetchone()
        assert newest == (0,)
        payloads = connection.execute("select string_agg(payload::text, '') from ops.outbox").fetchone()
    assert payloads is not None
    for forbidden in ("latitude", "longitude", "late_minutes", "worked_minutes", "overtime", "distance"):
        assert forbidden not in payloads[0]
    engine.dispose()


@pytest.mark.timeout(300)
def test_a_folder_of_csv_files_takes_the_same_journey(home: Path) -> None:
    _fieldwork(home, "demo", "--data", str(TINY), "--since", "2026-11-02", "--until", "2026-11-07")
    with psycopg.connect(_fieldwork(home, "url").strip()) as connection:
        days = connection.execute(
            "select employee_id, work_date::text, status, late_minutes, early_minutes, worked_minutes "
            "from mart.attendance_day order by 1, 2"
        ).fetchall()
        visits = connection.execute("select visit_id, verdict, minutes_off from mart.visit_check order by 1").fetchall()
        aside = connection.execute("select stream, rule, status from ops.quarantine order by 1, 2").fetchall()
        place = connection.execute("select round(latitude::numeric, 5)::text from place.punch_place where latitude > 0")
        assert ("39.90422",) in place.fetchall(), "the canary is in the warehouse"
    assert days == [
        ("001", "2026-11-02", "present", 0, 0, 485),
        ("001", "2026-11-03", "late", 6, 1, 473),
        ("001", "2026-11-04", "absent", 0, 0, 0),
        ("001", "2026-11-05", "absent", 0, 0, 0),
        ("001", "2026-11-06", "absent", 0, 0, 0),
        ("002", "2026-11-03", "incomplete", 0, 0, 0),
        ("002", "2026-11-04", "absent", 0, 0, 0),
        ("002", "2026-11-05", "absent", 0, 0, 0),
    ]
    assert visits == [("v1", "verified", 0), ("v2", "verified", 0)]
    assert (home / "airflow" / "airflow.db").exists()
    assert _leaks(home) == [], "Airflow's metadata and logs hold no personal data"
    assert aside == [
        ("punches", "punches.kind_known", "new"),
        ("punches", "punches.latitude_in_range", "new"),
        ("visits", "visits.account_known", "held"),
        ("visits", "visits.owner_known", "held"),
    ]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_city_with_the_usual_faults_is_matched_well(home: Path) -> None:
    _fieldwork(home, "demo", "--people", "60", "--days", "10", "--faults", "usual")
    said = _fieldwork(home, "sandbox", "score")
    assert "precision" in said
    assert "recall" in said
    running = sandbox.status(home)
    assert running is not None
    engine = open_engine(load({"FIELDWORK_HOME": str(home)}))
    found = scores.score(engine, running.options.company().truth)
    engine.dispose()
    assert min(found.precision, found.recall) >= 0.98
    assert found.f1 > max(one.f1 for one in found.baselines)
    assert "unexplained" not in {one.reason for one in found.reasons}
    assert found.attendance == 1.0


def _leaks(home: Path) -> list[str]:
    """Files outside the warehouse and the sandbox that hold a person's name, number, address or position."""
    canaries = ["金丝雀", "19912345678", "canary-a@example.com", "39.9042", "39.9142", "116.4074"]
    shapes = [
        shape
        for text in canaries
        for shape in (text.encode(), json.dumps(text)[1:-1].encode(), text.encode("utf-16-le"))
    ]
    found = []
    for path in home.rglob("*"):
        if path.is_file() and not {"postgres", "sandbox"} & set(path.relative_to(home).parts):
            content = path.read_bytes().lower()
            found += [str(path) for shape in shapes if shape.lower() in content]
    return found
