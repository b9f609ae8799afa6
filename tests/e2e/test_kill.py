"""SIGKILL in the middle of each step; the same command again gives the same rows and the same CRM, once."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from fieldwork.sandbox import up as sandbox

from .conftest import Journey
from .test_webhook_kill import POINTS as WEBHOOK_POINTS

PACKAGE = Path(sandbox.__file__).parents[1]
POINTS = [
    "before_extract", "after_stage_copy:2", "before_check", "mid_check_tx:2", "after_check", "mid_load_tx:4",
    "after_load:3", "mid_build", "after_build", "before_audit", "after_audit", "before_publish", "mid_publish_tx",
    "after_publish", "before_outbox", "mid_outbox_tx", "after_outbox", "after_live_read", "mid_compare_tx",
    "before_send", "after_send_before_receipt", "mid_receipt_tx", "after_receipt", "before_batch_close",
    "after_job_made", "after_job_noted",
]  # fmt: skip
#: Of a replay of quarantined rows: test_kill_replay.py.
REPLAY_POINTS = ["after_replay_stage", "after_replay_check", "mid_replay_tx", "after_replay"]
#: Reached when records go to the CRM as a job.
JOBS = {"after_job_made", "after_job_noted"}
#: In the middle of the three steps that leave something behind; `make test-all` kills at all of them.
QUICK = {"mid_load_tx:4", "mid_publish_tx", "after_send_before_receipt"}


def test_every_point_in_the_code_is_killed_at() -> None:
    found = {
        name
        for path in PACKAGE.rglob("*.py")
        for name in re.findall(r"reached\(\"(\w+)\"\)", path.read_text(encoding="utf-8"))
    }
    assert found == {point.partition(":")[0] for point in (*POINTS, *REPLAY_POINTS)} | set(WEBHOOK_POINTS)


#: Of the newest run: did it read the visits that the one before wrote to, and what did that load and touch?
ECHO = """
select
    sum(extracted) >= (select count(*) from ops.outbox where kind = 'visit' and state = 'sent'),
    sum(loaded)::int, sum(touched)::int
from ops.batch
where stream = 'visits' and run_id = (select run_id from ops.run order by started_at desc limit 1)
"""


@pytest.fixture(scope="module")
def unharmed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What a run without a fault leaves; filled by the first test that has one."""
    return {}


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "point", [point if point in QUICK else pytest.param(point, marks=pytest.mark.slow) for point in POINTS]
)
def test_a_killed_run_given_again_leaves_the_same(journey: Journey, unharmed: dict[str, object], point: str) -> None:
    if not unharmed:
        reference = _reference(journey)
        unharmed.update(reference)
    if point in JOBS:
        with (journey.home / "sandbox" / "company.toml").open("a") as config:
            config.write("\n[salesforce]\nbulk_from = 1\n")
    assert journey.run(FIELDWORK_FAILPOINT=point) == -signal.SIGKILL, journey.said()
    assert journey.run() == 0, journey.said()
    assert journey.mart() == unharmed["mart"]
    assert journey.crm() == unharmed["crm"]
    assert journey.ask(
        "select count(*) from ops.batch where state = 'closed' "
        "and extracted <> loaded + unchanged + quarantined + duplicate + out_of_scope"
    ) == [(0,)]
    assert journey.ask("select tablename from pg_tables where schemaname = 'staging'") == []
    assert journey.ask("select count(*) from build.attendance_day") == [(0,)]
    assert journey.ask("select count(*) from ops.outbox where state = 'pending'") == [(0,)]


def _reference(journey: Journey) -> dict[str, object]:
    """Run without a fault in a database and a sandbox of its own."""
    import psycopg

    name = journey.database_url.rpartition("/")[2]
    twin = f"{name}_unharmed"
    with psycopg.connect(journey.database_url, autocommit=True) as connection:
        connection.execute(f"create database {twin} template template_fieldwork")
    home = journey.home.with_name("unharmed")
    running = sandbox.up(home, people=12, days=4, faults="usual", rate=0)
    other = Journey(
        home, journey.database_url.replace(name, twin), journey.context, running.crm_url, running.attendance_url
    )
    try:
        assert other.run() == 0, other.said()
        left = {"mart": other.mart(), "crm": other.crm()}
        assert left["mart"]["visit_check"][1] > 0, "the city has visits"
        assert other.run() == 0
        assert {"mart": other.mart(), "crm": other.crm()} == left, "a second run changes nothing"
        assert other.ask("select count(*) from mart.performance_day_history") == [(0,)]
        assert other.ask(ECHO) == [(True, 0, 0)], "our own writes are read back, and restate nothing"
    finally:
        sandbox.down(home)
        with psycopg.connect(journey.database_url, autocommit=True) as connection:
            connection.execute(f"drop database {twin} with (force)")
    return left
