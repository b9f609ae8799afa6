"""docs/data-dictionary.md says what the comments in a migrated warehouse say."""

from __future__ import annotations

import re

from sqlalchemy import Engine

from fieldwork.warehouse import dictionary


def test_the_page_holds_the_comments_of_the_warehouse(warehouse: Engine) -> None:
    page = dictionary.PAGE.read_text(encoding="utf-8")
    assert page == dictionary.fill(page, warehouse), "run python -m fieldwork.warehouse.dictionary"


def test_every_column_has_a_meaning(warehouse: Engine) -> None:
    told = dictionary.tables(warehouse)
    with warehouse.connect() as connection:
        views = connection.exec_driver_sql("select relname from pg_class where relnamespace = 'report'::regnamespace")
        assert re.findall(r"^### `report\.(\w+)`$", told, re.MULTILINE) == sorted(views.scalars())
    assert re.findall(r"^\| `\w+` \| [^|]+ \|  \|$", told, re.MULTILINE) == []
    assert "None" not in told


def test_a_changed_comment_changes_the_page(warehouse: Engine) -> None:
    before = dictionary.tables(warehouse)
    with warehouse.begin() as connection:
        connection.exec_driver_sql("comment on column mart.visit_check.score is 'a | b'")
    changed = set(dictionary.tables(warehouse).splitlines()) - set(before.splitlines())
    assert changed == {r"| `score` | double precision, may be null | a \| b |"}


def test_a_history_shows_only_what_it_adds(warehouse: Engine) -> None:
    part = dictionary.tables(warehouse).partition("### `mart.visit_check_history`")[2].partition("\n#")[0]
    assert re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE) == ["believed_until"]
    assert "The columns of `mart.visit_check`, and:" in part
