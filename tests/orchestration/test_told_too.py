"""The middleware hears of the changes whatever the CRM answers."""

from __future__ import annotations

import pytest

from fieldwork.errors import SourceUnavailable
from fieldwork.orchestration import webhooks
from fieldwork.settings import load
from fieldwork.steps.progress import silent


@pytest.mark.parametrize(
    ("ends", "told"),
    [
        (None, ["opened", "crm", "n8n"]),
        (SourceUnavailable("The CRM did not answer.", todo="Nothing."), ["opened", "crm", "n8n"]),
        (KeyboardInterrupt(), ["opened", "crm"]),
    ],
    ids=["well", "no answer", "told to stop"],
)
def test_the_endpoints_are_told_after_the_crm(
    monkeypatch: pytest.MonkeyPatch, ends: BaseException | None, told: list[str]
) -> None:
    heard: list[str] = []
    monkeypatch.setattr(webhooks, "open_webhooks", lambda settings: heard.append("opened") or ["n8n"])
    monkeypatch.setattr(
        "fieldwork.steps.webhooks.send_webhooks", lambda engine, settings, targets, **_: heard.extend(targets)
    )

    def write_back() -> str:
        with webhooks.told_too(None, load({}), run_id="r", accept_mass_change=False, progress=silent):  # type: ignore[arg-type]
            heard.append("crm")
            if ends:
                raise ends
            return "counts"

    if ends is None:
        assert write_back() == "counts"
    else:
        with pytest.raises(type(ends)):
            write_back()
    assert heard == told
