"""The middleware hears of the changes whatever the CRM answers."""

from __future__ import annotations

import pytest

from fieldwork.errors import SourceUnavailable
from fieldwork.orchestration import webhooks
from fieldwork.settings import Settings, load
from fieldwork.steps.progress import silent


def test_the_endpoints_are_told_after_and_even_if_the_crm_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(webhooks, "open_webhooks", lambda settings: told.append("opened") or ["n8n"])
    monkeypatch.setattr(
        "fieldwork.steps.webhooks.send_webhooks", lambda engine, settings, targets, **_: told.extend(targets)
    )
    settings: Settings = load({})
    with (
        pytest.raises(SourceUnavailable),
        webhooks.told_too(None, settings, run_id="r", progress=silent),  # type: ignore[arg-type]
    ):
        told.append("crm")
        raise SourceUnavailable("The CRM did not answer.", todo="Nothing.")
    assert told == ["opened", "crm", "n8n"]
