"""Every story of docs/identity.md through real loads; a failing one says what is not as expected."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import make_url

from fieldwork import settings as settings_module
from fieldwork.warehouse import engine as engine_module
from fieldwork.warehouse import server
from tests.conftest import _TEMPLATE

from . import __main__ as page
from . import telling, told
from .told import Story

STORIES = [pytest.param(story, id=f"{topic.title}: {story.name}") for topic in told.topics() for story in topic.stories]


@pytest.fixture(scope="module")
def outcomes(
    pg_server: server.Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[int, telling.Outcome]]:
    """All stories, told once."""
    folder, name = tmp_path_factory.mktemp("stories"), "stories"
    with psycopg.connect(pg_server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} template {_TEMPLATE}")
        url = pg_server.url(name)
        engine = engine_module.connect(make_url(url).set(drivername="postgresql+psycopg"))
        settings = settings_module.load({"FIELDWORK_HOME": str(folder), "FIELDWORK_WAREHOUSE_URL": url})
        yield telling.tell(engine, settings, [story for topic in told.topics() for story in topic.stories], folder)
        engine.dispose()
        connection.execute(f"drop database {name} with (force)")


@pytest.mark.parametrize("story", STORIES)
def test_a_story(outcomes: dict[int, telling.Outcome], story: Story) -> None:
    wrong = telling.differences(story, outcomes[story.number])
    assert not wrong, "\n".join(wrong)


def test_the_page_holds_the_stories() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert text == page.fill(text), "run python -m tests.stories"
    assert text.count("\n| ") > len(STORIES) > 30


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"name": "a", "reads": [{"persons": ""}], "links": {}}, "has {'persons'}"),
        ({"name": "a", "reads": [], "owners": {}}, "has {'owners'}"),
        ({"name": "a", "reads": []}, "expects nothing"),
    ],
)
def test_a_slip_is_refused(entry: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        told._story("slip.toml", entry, 1)


def test_what_is_not_as_expected_is_told() -> None:
    story = Story("a", 1, [], {"links": {"u1": "001 (source)", "u2": "none"}, "touched": ""})
    found = telling.Outcome(links={"u1": "002 (source)"}, asked={"u1": "unknown"})
    assert telling.differences(story, found) == [
        "asked: expected {}, but it is {'u1': 'unknown'}",
        "links: expected {'u1': '001 (source)', 'u2': 'none'}, but it is {'u1': '002 (source)', 'u2': 'none'}",
    ]
