"""The docs name everything that people can call, set or meet, and nothing that is not there."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import Engine

from fieldwork import errors, settings
from fieldwork.cli import app
from fieldwork.connectors.webhook import endpoints
from fieldwork.orchestration import sessions
from fieldwork.streams import STREAMS

ROOT = Path(__file__).resolve().parents[1]
README, CHINESE = "README.md", "README.zh-CN.md"
SKIPPED = {".venv", ".git", ".fieldwork", "node_modules", ".hypothesis", ".pytest_cache", ".ruff_cache", ".mypy_cache"}

#: The tables of fieldwork.toml whose keys have a page of their own; those of the others are in docs/settings.md.
KEYS = {
    "quality": "docs/checks.md", "dingtalk": "docs/systems/dingtalk.md", "salesforce": "docs/systems/salesforce.md",
    "webhooks": "docs/webhooks.md", "webhook": "docs/webhooks.md",
}  # fmt: skip


@cache
def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def pages() -> dict[str, str]:
    """The text of README.md and of everything under docs/, by path."""
    paths = [ROOT / README, *sorted((ROOT / "docs").rglob("*.md"))]
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}


def anywhere() -> str:
    return "\n".join(pages().values())


def fences(content: str) -> Iterator[tuple[str, str]]:
    """Language and body of every fenced block, without the indent of the list that it stands in."""
    for indent, language, body in re.findall(r"^( *)```(\w*)\n(.*?)^\1```$", content, re.DOTALL | re.MULTILINE):
        yield language, re.sub(rf"^{indent}", "", body, flags=re.MULTILINE)


def prose(content: str) -> str:
    return re.sub(r"^( *)```.*?^\1```$", "", content, flags=re.DOTALL | re.MULTILINE)


def commands(content: str) -> list[str]:
    return re.findall(r"^\$ (.+)$", "\n".join(body for _, body in fences(content)), re.MULTILINE)


# --- what people can call


def cli_commands(group: typer.Typer = app, name: str = "fieldwork") -> Iterator[str]:
    for command in group.registered_commands:
        assert command.callback is not None
        yield f"{name} {command.name or command.callback.__name__.replace('_', '-')}"
    for part in group.registered_groups:
        assert part.typer_instance is not None
        yield from cli_commands(part.typer_instance, f"{name} {part.name}")


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):.*## ", page("Makefile"), re.MULTILINE))


def test_every_dag_is_in_the_readme() -> None:
    dags = sorted(path.stem for path in (ROOT / "dags").glob("*.py"))
    assert dags, "no DAG was found"
    told = re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \|$", page(README).partition("| DAG |")[2], re.MULTILINE)
    assert sorted(told) == dags


def test_every_command_is_named() -> None:
    found = list(cli_commands())
    assert "fieldwork sandbox up" in found
    assert [name for name in found if not re.search(rf"{name}(?![\w-])", anywhere())] == []


def test_every_command_that_is_named_exists() -> None:
    known = {tuple(name.split()[1:]) for name in cli_commands()}
    groups = {name[0] for name in known if len(name) > 1}  # by itself it prints its help
    code = "\n".join([*re.findall(r"`([^`\n]+)`", prose(anywhere())), *commands(anywhere())])
    named = re.findall(r"^(?:\.venv/bin/)?fieldwork ([a-z]+(?: [a-z]+)?)", code, re.MULTILINE)
    assert named
    unknown = [name for name in named if tuple(name.split()) not in known and (name.split()[0],) not in known]
    assert set(unknown) <= groups


def test_every_make_target_is_named() -> None:
    assert [name for name in make_targets() if not re.search(rf"make {name}(?![\w-])", anywhere())] == []


@pytest.mark.parametrize("name", [*sorted(pages()), CHINESE, "CONTRIBUTING.md", "CHANGELOG.md"])
def test_every_make_target_that_is_named_exists(name: str) -> None:
    code = "\n".join([*re.findall(r"`([^`\n]+)`", prose(page(name))), *commands(page(name))])
    assert set(re.findall(r"^make ([a-z][a-z-]*)", code, re.MULTILINE)) <= make_targets()


# --- what people can set


def test_every_variable_is_in_the_settings() -> None:
    told = re.findall(r"^\| `(FIELDWORK_\w+)` \| ", page("docs/settings.md"), re.MULTILINE)
    assert sorted(told) == sorted(settings.VARIABLES)


def test_every_connection_is_in_the_settings_and_in_the_readme() -> None:
    names = [sessions.ATTENDANCE, sessions.CRM, sessions.WAREHOUSE]
    others = [endpoints.CONNECTION]
    told = re.findall(r"^\| `(\w+)` \| (?:HTTP|Postgres) \| ", page("docs/settings.md"), re.MULTILINE)
    assert sorted(told) == sorted(names + others)
    assert [name for name in names if f"`{name}`" not in page(README)] == []


def config() -> dict[str, Any]:
    return tomllib.loads(page("include/config/fieldwork.toml"))


def keys(content: Any) -> set[str]:
    """The keys of a table, or of all entries of a list of tables."""
    entries = content if isinstance(content, list) else [content]
    return {key for entry in entries for key in entry}


def explained() -> dict[str, set[str]]:
    """The keys that docs/settings.md explains, by table; a row without a table belongs to the one above."""
    found: dict[str, set[str]] = {}
    table = ""
    for row in page("docs/settings.md").partition("### The keys")[2].splitlines():
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        if len(cells) == 4 and "`" in cells[1]:
            table = "".join(re.findall(r"\w+", cells[0])) or table
            found.setdefault(table, set()).update(re.findall(r"`(\w+)`", cells[1]))
    return found


def test_every_table_of_the_configuration_is_in_the_settings() -> None:
    names = {f"[[{name}]]" if isinstance(content, list) else f"[{name}]" for name, content in config().items()}
    told = re.findall(r"^\| `(\[+\w+\]+)` \| [^|]+ \|$", page("docs/settings.md"), re.MULTILINE)
    assert sorted(told) == sorted(names)


def test_every_key_of_the_configuration_is_explained() -> None:
    assert explained() == {name: keys(content) for name, content in config().items() if name not in KEYS}


@pytest.mark.parametrize("table", KEYS)
def test_every_key_of_a_table_with_a_page_of_its_own_is_explained(table: str) -> None:
    told = set(re.findall(rf"^\| `(?:\[{table}\.)?(\w+)[^`]*` \| ", page(KEYS[table]), re.MULTILINE))
    assert keys(config()[table]) - told == set()


# --- what people can meet


def test_every_stream_is_in_the_readme_with_its_columns() -> None:
    for name in (README, CHINESE):
        rows = dict(re.findall(r"^\| `(\w+)\.csv` \| (.+) \|$", page(name), re.MULTILINE))
        told = {file: re.findall(r"\w+", re.sub(r"[(（].*?[)）]", "", columns)) for file, columns in rows.items()}
        assert told == {stream.name: list(stream.columns) for stream in STREAMS.values()}


def test_every_suite_has_its_table() -> None:
    suites = sorted(path.stem for path in (ROOT / "expectations").glob("*.json"))
    assert suites, "no suite was found"
    told = re.findall(r"^### `(\w+)`$", page("docs/checks.md"), re.MULTILINE)
    assert sorted(told) == suites


def test_every_error_is_explained_and_its_retry_is_true() -> None:
    kinds = {
        kind.__name__: "yes" if issubclass(kind, errors.TransientError) else "no"
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.PermanentError | errors.TransientError)
    }
    families = {errors.PermanentError.__name__, errors.TransientError.__name__}
    told = re.findall(r"^\| `(\w+)` \| (yes|no) \| [^|]+ \| [^|]+ \|$", page("docs/running.md"), re.MULTILINE)
    assert len(told) == len(dict(told)), "an error has two rows"
    assert dict(told) == {code: again for code, again in kinds.items() if code not in families}


# --- the pages themselves


def test_the_chinese_readme_has_the_same_blocks() -> None:
    english, chinese = page(README), page(CHINESE)
    assert commands(english), "the README has no command"
    assert commands(chinese) == commands(english)
    code = [(language, body) for language, body in fences(english) if not body.startswith("dags/")]
    assert [pair for pair in code if pair not in list(fences(chinese))] == []


def test_the_chinese_readme_has_the_same_parts() -> None:
    shape = [re.findall(r"^(#+|\|-|\d\.|-) ?", prose(page(name)), re.MULTILINE) for name in (README, CHINESE)]
    assert shape[0].count("##") > 5
    assert shape[1] == shape[0]


def markdown() -> list[str]:
    return sorted(
        str(path.relative_to(ROOT)) for path in ROOT.rglob("*.md") if not SKIPPED & set(path.relative_to(ROOT).parts)
    )


def anchors(content: str) -> set[str]:
    """What GitHub makes of headings: lower case, punctuation gone, blanks to hyphens."""
    titles = re.findall(r"^#+ (.+)$", prose(content), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", markdown())
def test_every_relative_link_leads_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page(name))):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = (ROOT / name).parent / file if file else ROOT / name
        assert path.exists(), f"{name}: {target}"
        assert not anchor or anchor in anchors(path.read_text(encoding="utf-8")), f"{name}: {target}"


def queries() -> Iterator[Any]:
    for name, content in pages().items():
        bodies = [body for language, body in fences(content) if language == "sql"]
        statements = [part for body in bodies for part in body.split(";\n") if part.strip()]
        yield from (pytest.param(statement, id=f"{name}-{at}") for at, statement in enumerate(statements, 1))


@pytest.mark.parametrize("query", queries())
def test_every_query_runs(warehouse: Engine, query: str) -> None:
    with warehouse.connect() as connection:
        connection.exec_driver_sql(query)
