"""The stories of ``docs/identity.md``, written from their files: ``python -m tests.stories``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from fieldwork.settings import ROOT

from .told import Story, topics

PAGE: Final[Path] = ROOT / "docs" / "identity.md"
#: What stands above and below the generated part of the page.
BEGIN: Final = "<!-- stories: written by `python -m tests.stories`, do not edit -->\n"
END: Final = "<!-- end of stories -->\n"


def fill(text: str) -> str:
    """The page with its generated part made anew."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + "\n".join(_lines()) + "\n" + END + rest.partition(END)[2]


def _lines() -> Iterator[str]:
    for topic in topics():
        yield f"\n### {topic.title}\n\n{topic.about}\n"
        yield "| story | what is read | then |\n|---|---|---|"
        for story in topic.stories:
            yield f"| {story.name} | {_reads(story)} | {_expected(story.expect)} |"


def _reads(story: Story) -> str:
    parts = []
    for number, read in enumerate(story.reads, start=1):
        said = "; ".join(f"{kind} {text}" for kind, text in read.items())
        parts.append(f"{number}. {said}" if len(story.reads) > 1 else said)
    return "<br>".join(parts).replace("|", "\\|")


def _expected(expect: Mapping[str, Any]) -> str:
    parts = []
    for kind, told in expect.items():
        if isinstance(told, Mapping):
            parts += [f"{'' if kind == 'links' else f'{kind} '}`{name}`: {value}" for name, value in told.items()]
        else:
            parts.append(f"{kind}: {told or 'nothing'}")
    return "<br>".join(parts)


def main() -> None:
    """Write the page again."""
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
