"""``docs/cases.md``, written from the files of cases: ``python -m tests.golden``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from fieldwork.settings import ROOT

from .cases import PARTS, Case, Topic, companies, company_file, topics

PAGE: Final = ROOT / "docs" / "cases.md"
#: What stands above the generated part of the page.
BEGIN: Final = "<!-- cases: written by `python -m tests.golden`, do not edit -->\n"


def fill(page: str) -> str:
    """The page with its generated part made anew."""
    return page.partition(BEGIN)[0] + BEGIN + "\n" + "\n".join(_lines())


def _lines() -> Iterator[str]:
    for part in PARTS:
        mine = [topic for topic in topics() if topic.part == part]
        if mine:
            yield f"## {part.capitalize()}\n"
        for topic in mine:
            yield from _topic(topic)
    yield "## The companies of the cases\n"
    yield "Each is a configuration laid over the shipped one (`FIELDWORK_CONFIG`).\n"
    for name in companies():
        yield f"### Company `{name}`\n\n```toml\n{company_file(name).read_text(encoding='utf-8').strip()}\n```\n"


def _topic(topic: Topic) -> Iterator[str]:
    yield f"### {topic.title}\n\n{topic.about}\n"
    yield f"Company [`{topic.company}`](#company-{topic.company}).\n"
    yield "| case | given | expected |\n|---|---|---|"
    yield from (f"| {case.name} | {_given(case)} | {_expected(case)} |" for case in topic.cases)
    yield ""


def _given(case: Case) -> str:
    parts = [f"{case.day:%a} {case.day}"]
    for kind, content in case.given.items():
        label = "" if kind in ("punches", "leave") else f"{kind.replace('_', ' ')} "
        parts.append(f"{label}{_words(content)}" if content else f"no {kind}")
    return "<br>".join(parts)


def _expected(case: Case) -> str:
    several = len(case.expect) > 1 or any(word != "attendance" for word in case.expect)
    return "<br>".join(f"{word}: {_words(told)}" if several else _words(told) for word, told in case.expect.items())


def _words(content: Any) -> str:
    """A value of a case file in a cell of the page."""
    if isinstance(content, Mapping):
        return ", ".join(f"{name.replace('_', ' ')} {_words(value)}" for name, value in content.items())
    if isinstance(content, Iterable) and not isinstance(content, str):
        return " + ".join(f"`{value}`" for value in content) or "none"
    return str(content).replace("|", "\\|")


def main() -> None:
    """Write the page again."""
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
