"""People edit between runs: none of it is overwritten, all of it is listed; and a batch of thousands is taken back."""

from __future__ import annotations

import random
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from fieldwork.settings import Settings
from fieldwork.steps.crm_undo import crm_undo
from fieldwork.warehouse.schema import write

from .world import OBJECTS, World, world

SIZES = [pytest.param(200, 60, id="400"), pytest.param(5_000, 300, id="10000", marks=pytest.mark.slow)]


#: Where people type: our field, the org's, and what goes in.
CHOICES: dict[str, list[tuple[str, str, type]]] = {
    "visit": [
        ("checkin_verdict", "Checkin_Verdict__c", str),
        ("checkin_minutes_off", "Checkin_Minutes_Off__c", int),
        ("checkin_reason", "Checkin_Reason__c", str),
    ],
    "performance": [
        ("status", "Attendance_Status__c", str),
        ("visits_done", "Visits_Done__c", int),
        ("performance_index", "Performance_Index__c", float),
    ],
}


def edit_at_random(here: World, count: int, seed: int) -> dict[tuple[str, str, str], Any]:
    """So many edits by people, each in a field of ours: (kind, key, our field) and what they wrote."""
    dice = random.Random(seed)
    edits: dict[tuple[str, str, str], Any] = {}
    records = {kind: sorted(here.records(kind).values(), key=lambda r: r["Id"]) for kind in OBJECTS}
    while len(edits) < count:
        kind = dice.choice(list(CHOICES))
        record = dice.choice(records[kind])
        name, field, of = dice.choice(CHOICES[kind])
        key = record["Id"] if kind == "visit" else record["External_Id__c"]
        value = {str: f"by hand {len(edits)}", int: 1000 + len(edits), float: 0.25}[of]
        if (kind, key, name) not in edits:
            here.sandbox.edit(OBJECTS[kind], record["Id"], **{field: value})
            edits[kind, key, name] = value
    return edits


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("size", "count"), SIZES)
def test_no_edit_is_overwritten_and_all_are_listed(
    warehouse: Engine, settings: Settings, size: int, count: int
) -> None:
    with world(warehouse, settings, visits_count=size, days=size) as here:
        here.send("r1")
        edits: dict[tuple[str, str, str], Any] = {}
        for night in range(2):
            edits |= edit_at_random(here, count // 2, seed=night)
            here.restate()
            here.send(f"r{night + 2}", accept_mass_change=True)
            for kind in OBJECTS:
                stands, intended = here.ours(kind), here.intended(kind)
                for (of, key, name), value in edits.items():
                    if of == kind:
                        assert stands[key].pop(name) == value
                        del intended[key][name]
                assert stands == intended, "everything that nobody edited is as wanted"
        c = write.conflict.c
        with warehouse.connect() as connection:
            listed = connection.execute(sa.select(c.kind, c.key, c.field).where(c.state == "open")).all()
        assert sorted(tuple(row) for row in listed) == sorted(edits)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("size", "count"), SIZES)
def test_undone_the_crm_is_as_before_but_for_peoples_edits(
    warehouse: Engine, settings: Settings, size: int, count: int
) -> None:
    """A batch that made records, and one that changed them, are taken back, newest first."""
    with world(warehouse, settings, visits_count=size, days=size) as here:
        untouched = {kind: here.records(kind) for kind in OBJECTS}
        made = here.send("r1")
        first = {kind: here.records(kind) for kind in OBJECTS}
        here.restate()
        changed = here.send("r2", accept_mass_change=True)
        assert sum(counts["accepted"] for counts in changed.values()) == 2 * size
        edits = edit_at_random(here, count // 3, seed=7)

        for kind, counts in changed.items():
            crm_undo(warehouse, settings, here.target, number=counts["batch"], run_id=f"undo-{kind}")
        _is_as_before(here, first, edits)
        sent = here.send("r3")
        assert all(counts["accepted"] == 0 for counts in sent.values()), "and it is not sent again by itself"
        _is_as_before(here, first, edits)

        for kind, counts in made.items():
            crm_undo(warehouse, settings, here.target, number=counts["batch"], run_id=f"undo-more-{kind}")
        _is_as_before(here, {"visit": untouched["visit"]}, edits)
        edited_days = {key for kind, key, _ in edits if kind == "performance"}
        assert {record["External_Id__c"] for record in here.records("performance").values()} == edited_days


def _is_as_before(
    here: World, before: dict[str, dict[str, dict[str, Any]]], edits: dict[tuple[str, str, str], Any]
) -> None:
    """Every live record equals what it was, but for the fields that people edited."""
    for kind, records in before.items():
        fields = here.settings.section("salesforce", "write", kind)
        now = here.records(kind)
        assert set(now) == set(records)
        ids = {record[fields["key"]]: identifier for identifier, record in now.items()}
        expected = {identifier: dict(record) for identifier, record in records.items()}
        for (of, key, name), value in edits.items():
            if of == kind:
                expected[ids[key]][fields[name]] = value
        unsettled = {ids[key] for of, key, _ in edits if of == kind}  # the name of the write stays where a field does
        for identifier in unsettled:
            expected[identifier].pop("Fieldwork_Write__c")
            now[identifier].pop("Fieldwork_Write__c")
        assert now == expected
