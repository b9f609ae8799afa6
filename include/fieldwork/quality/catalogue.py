"""The tables of rules in ``docs/checks.md``, written from the suites: ``python -m fieldwork.quality.catalogue``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fieldwork.settings import ROOT

from . import suites

PAGE: Final = ROOT / "docs" / "checks.md"
#: What stands above and below the generated part of the page.
BEGIN: Final = "<!-- rules: written by `python -m fieldwork.quality.catalogue`, do not edit -->\n"
END: Final = "<!-- end of rules -->\n"


def tables(directory: Path) -> str:
    """One Markdown table for every suite of the directory: rule, severity, what it expects."""
    parts = []
    for dataset in suites.DATASETS:
        suite = suites.read(directory, dataset)
        lines = [f"### `{dataset}`", "", "| rule | severity | expects |", "|---|---|---|"]
        for rule in suite.rules:
            severity = f"{rule.severity}, held" if rule.held else rule.severity
            lines.append(f"| `{rule.id.removeprefix(f'{dataset}.')}` | {severity} | {rule.description} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def fill(page: str, directory: Path) -> str:
    """The page with its generated part made anew."""
    above, _, rest = page.partition(BEGIN)
    _, _, below = rest.partition(END)
    return f"{above}{BEGIN}\n{tables(directory)}\n{END}{below}"


def main() -> None:
    """Write the page again."""
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), ROOT / "expectations"), encoding="utf-8")


if __name__ == "__main__":
    main()
