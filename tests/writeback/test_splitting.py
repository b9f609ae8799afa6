"""A row that the CRM refuses a whole request for is found by halving; a request that it refuses anyhow is given up."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from fieldwork.errors import CrmRejected
from fieldwork.settings import Settings
from fieldwork.steps.write_back import write_back

from .crm import NOW, MemoryCrm, change_visit, receipt, run, told, visit


def poisonous(crm: MemoryCrm, *bad: str) -> None:
    def refuse(kind: str, keys: list[str]) -> None:
        if set(bad) & set(keys):
            raise CrmRejected("No.", todo="Look.", crm_code="JSON_PARSER_ERROR", crm_message="Illegal character")

    crm.before = refuse


@pytest.mark.parametrize("bad", [["v39"], ["v00", "v01", "v02", "v20"]])
def test_the_rows_are_found_and_named_and_stop_no_other(warehouse: Engine, settings: Settings, bad: list[str]) -> None:
    for n in range(40):
        visit(warehouse, f"v{n:02d}", published_at=NOW)
    crm = MemoryCrm()
    crm.batch_size = 40
    poisonous(crm, *bad)
    done = write_back(warehouse, settings, crm, run_id=run(warehouse))
    good = 40 - len(bad)
    assert told(done)["visit"] == {"sent": 40, "accepted": good, "created": good, "rejected": len(bad)}
    assert sorted(key for _, key in crm.records) == [f"v{n:02d}" for n in range(40) if f"v{n:02d}" not in bad]
    for key in bad:
        named = receipt(warehouse, "visit", key)
        assert (named["ok"], named["code"], named["message"]) == (False, "JSON_PARSER_ERROR", "Illegal character")
    assert len(crm.writes) <= 2 * len(bad) * 7
    crm.before = lambda kind, keys: None
    assert told(write_back(warehouse, settings, crm, run_id=run(warehouse, "r2")))["visit"] == {}
    change_visit(warehouse, bad[0], reason="Without it.")
    again = write_back(warehouse, settings, crm, run_id=run(warehouse, "r3"))
    assert told(again)["visit"] == {"sent": 1, "accepted": 1, "created": 1}


def test_a_request_that_is_refused_whatever_it_holds_is_given_up(warehouse: Engine, settings: Settings) -> None:
    for n in range(40):
        visit(warehouse, f"v{n:02d}", published_at=NOW)
    crm = MemoryCrm()
    crm.batch_size = 40
    poisonous(crm, *(f"v{n:02d}" for n in range(40)))
    with pytest.raises(CrmRejected):
        write_back(warehouse, settings, crm, run_id=run(warehouse))
    assert len(crm.writes) == 31
