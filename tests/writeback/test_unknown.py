"""A call without an answer: what the CRM executed is read back, and nobody's edit is overwritten by a second try."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.errors import AuthFailed, RateLimited, SourceUnavailable
from fieldwork.settings import Settings, merge
from fieldwork.steps.write_back import write_back

from .crm import MemoryCrm, change_visit, outbox, receipt, run, told, visit


def lose_answers(crm: MemoryCrm, times: int, then: Any = None) -> None:
    """The CRM executes so many writes and its answers are lost; ``then`` happens in between."""
    left = [times]

    def lost(kind: str, keys: list[str]) -> None:
        if left[0]:
            left[0] -= 1
            if then:
                then()
            raise SourceUnavailable("The answer was lost.", todo="Wait.")

    crm.after = lost


def test_a_lost_answer_is_settled_by_reading_back(warehouse: Engine, settings: Settings) -> None:
    visit(warehouse, "v1")
    visit(warehouse, "v2")
    crm = MemoryCrm()
    lose_answers(crm, 1)
    done = write_back(warehouse, settings, crm, run_id=run(warehouse))
    assert told(done)["visit"] == {"sent": 2, "accepted": 2, "created": 2, "recovered": 2}
    assert len(crm.writes) == 1
    assert receipt(warehouse, "visit", "v1")["crm_id"] == "id-v1"


@pytest.mark.parametrize("back_to", [0, 99])
def test_an_edit_that_came_before_we_looked_is_not_overwritten(
    warehouse: Engine, settings: Settings, back_to: int
) -> None:
    """Also when somebody put back the very value that stood before our write."""
    visit(warehouse, "v1")
    crm = MemoryCrm()
    write_back(warehouse, settings, crm, run_id=run(warehouse))
    change_visit(warehouse, "v1", minutes_off=7)
    lose_answers(crm, 1, lambda: crm.edit("visit", "v1", checkin_minutes_off=back_to))
    done = write_back(warehouse, settings, crm, run_id=run(warehouse, "r2"))
    assert told(done)["visit"] == {"sent": 1, "accepted": 1, "recovered": 1}
    assert (len(crm.writes), crm.records["visit", "v1"]["checkin_minutes_off"]) == (2, back_to)


def test_without_a_field_for_the_name_of_the_write_the_values_tell(warehouse: Engine, settings: Settings) -> None:
    visit(warehouse, "v1")
    crm = MemoryCrm(has_write_key=False)
    no_field = _without_write_key(settings)
    write_back(warehouse, no_field, crm, run_id=run(warehouse))
    change_visit(warehouse, "v1", minutes_off=7, verdict="off_schedule")
    lose_answers(crm, 1, lambda: crm.edit("visit", "v1", checkin_minutes_off=99))
    done = write_back(warehouse, no_field, crm, run_id=run(warehouse, "r2"))
    assert told(done)["visit"] == {"sent": 1, "accepted": 1, "recovered": 1}
    assert crm.records["visit", "v1"]["checkin_minutes_off"] == 99
    assert len(crm.writes) == 2


def test_what_was_not_executed_is_sent_again(warehouse: Engine, settings: Settings) -> None:
    visit(warehouse, "v1")
    crm = MemoryCrm()

    def once(kind: str, keys: list[str]) -> None:
        if len(crm.writes) == 1:
            raise SourceUnavailable("503.", todo="Wait.")

    crm.before = once
    done = write_back(warehouse, settings, crm, run_id=run(warehouse))
    assert told(done)["visit"] == {"sent": 1, "accepted": 1, "created": 1}
    assert len(crm.writes) == 2


def test_what_a_run_left_without_an_answer_is_settled_by_the_next_one(warehouse: Engine, settings: Settings) -> None:
    """The first run gives up on answers; a person edits; what is wanted changes; the next run knows what it sent."""
    visit(warehouse, "v1")
    visit(warehouse, "v2")
    crm = MemoryCrm()
    crm.batch_size = 1
    crm.parallel = 1
    reads = crm.current

    def blind(kind: str, keys: Any) -> Any:
        if crm.writes:
            raise SourceUnavailable("503.", todo="Wait.")
        return reads(kind, keys)

    lose_answers(crm, 9)
    crm.current = blind  # type: ignore[method-assign]
    with pytest.raises(SourceUnavailable):
        write_back(warehouse, settings, crm, run_id=run(warehouse))
    assert {state for *_, state, _ in outbox(warehouse)} == {"sending"}
    crm.current = reads  # type: ignore[method-assign]
    crm.after = lambda kind, keys: None
    executed = {key for _, key in crm.records}
    assert executed == {"v1"}, "the first batch went out, and no other was begun"
    change_visit(warehouse, "v1", minutes_off=9)

    done = write_back(warehouse, settings, crm, run_id=run(warehouse, "r2"))

    assert told(done)["visit"] == {"sent": 2, "accepted": 2, "created": 1}
    assert {key: crm.records["visit", key]["checkin_minutes_off"] for key in ("v1", "v2")} == {"v1": 9, "v2": 0}
    assert [keys for _, keys in crm.writes] == [["v1"], ["v1"], ["v2"]] or [keys for _, keys in crm.writes] == [
        ["v1"], ["v2"], ["v1"],
    ]  # fmt: skip
    with warehouse.connect() as connection:
        open_ = connection.execute(sa.text("select count(*) from ops.write_batch where state = 'open'")).scalar_one()
        spent = connection.execute(sa.text("select sum(used_calls) from ops.write_batch")).scalar_one()
    assert (open_, spent) == (0, crm.calls), "every call is noted, also that of reading back"


def test_a_change_that_was_executed_counts_even_when_it_is_no_longer_wanted(
    warehouse: Engine, settings: Settings
) -> None:
    """The call reached the CRM, its answer was lost for good, and then mart went back to what the receipt says."""
    visit(warehouse, "v1")
    crm = MemoryCrm()
    write_back(warehouse, settings, crm, run_id=run(warehouse))
    change_visit(warehouse, "v1", minutes_off=9)

    def refuse(kind: str, keys: list[str]) -> None:
        raise AuthFailed("No.", todo="Wait.")

    crm.after = refuse
    with pytest.raises(AuthFailed):
        write_back(warehouse, settings, crm, run_id=run(warehouse, "r2"))
    assert crm.records["visit", "v1"]["checkin_minutes_off"] == 9
    change_visit(warehouse, "v1", minutes_off=0)
    crm.after = lambda kind, keys: None
    write_back(warehouse, settings, crm, run_id=run(warehouse, "r3"))
    assert crm.records["visit", "v1"]["checkin_minutes_off"] == 0


def test_too_often_is_no_unknown_outcome(warehouse: Engine, settings: Settings) -> None:
    visit(warehouse, "v1")
    crm = MemoryCrm()

    def slow_down(kind: str, keys: list[str]) -> None:
        if len(crm.writes) < 3:
            raise RateLimited("Slower.", todo="Wait.")

    crm.before = slow_down
    done = write_back(warehouse, settings, crm, run_id=run(warehouse))
    assert told(done)["visit"] == {"sent": 1, "accepted": 1, "created": 1}
    assert len(crm.reads) == 1, "nothing is read back after a call that was not taken"


def _without_write_key(settings: Settings) -> Settings:
    none = {kind: {"write_key": ""} for kind in ("visit", "performance")}
    return replace(settings, config=merge(settings.config, {"salesforce": {"write": none}}))
