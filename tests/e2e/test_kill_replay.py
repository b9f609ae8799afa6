"""SIGKILL in the middle of a replay; the same command again leaves what an unharmed replay leaves, once."""

from __future__ import annotations

import signal

import pytest

from .conftest import Journey
from .test_kill import REPLAY_POINTS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
#: ends that a replay shares with every run
POINTS = [*REPLAY_POINTS, "mid_build", "mid_publish_tx", "after_publish"]
_REFERENCE: dict[str, object] = {}


def _with_mended_rows(journey: Journey) -> None:
    """A run in which some punches came spoilt, published without them; then they are mended."""
    journey.inject(match="/attendance/listRecord", kind="bad_row", fields={"checkType": "Sideways"}, times=100)
    assert journey.run() == 0, journey.said()
    journey.clear()
    assert journey.ask("select count(*) > 0 from ops.quarantine where status = 'new'") == [(True,)]
    mended = ("edit", "kind=out", "--rule", "punches.kind_known", "--yes")
    assert journey.fieldwork("quarantine", *mended) == 0, journey.said()


def _replay(journey: Journey, **environment: str) -> int:
    return journey.fieldwork("quarantine", "replay", "--yes", **environment)


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_replay_given_again_leaves_the_same(journey: Journey, point: str) -> None:
    _with_mended_rows(journey)
    before = journey.mart()
    assert _replay(journey, FIELDWORK_FAILPOINT=point) == -signal.SIGKILL, journey.said()
    assert _replay(journey) == 0, journey.said()
    assert journey.mart() != before
    assert journey.mart() == _REFERENCE.setdefault("mart", journey.mart())
    assert journey.ask("select distinct status from ops.quarantine") == [("replayed",)]
    assert journey.ask(
        "select count(*) from ops.batch where state = 'closed' "
        "and extracted <> loaded + unchanged + quarantined + duplicate + out_of_scope"
    ) == [(0,)]
    assert journey.ask("select tablename from pg_tables where schemaname = 'staging'") == []
    assert journey.ask("select count(*) from ops.batch where kind = 'replay' and state = 'closed'") == [(1,)]
    assert journey.ask("select count(*) from core.punch where kind = 'out'") == [
        (_REFERENCE.setdefault("punches", journey.ask("select count(*) from core.punch where kind = 'out'")[0][0]),)
    ]
