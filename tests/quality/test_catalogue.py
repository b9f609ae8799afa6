"""docs/checks.md says what the suites say."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from fieldwork.quality import catalogue, suites
from fieldwork.settings import ROOT, Settings


def test_the_page_holds_the_rules_of_the_suites() -> None:
    page = catalogue.PAGE.read_text(encoding="utf-8")
    assert page == catalogue.fill(page, ROOT / "expectations"), "run python -m fieldwork.quality.catalogue"
    assert page.count("| `row_count` | critical |") == len(suites.DATASETS) - len(suites.ABOUT_BATCHES)


def test_a_changed_suite_changes_the_page(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "expectations", tmp_path / "suites")
    leave = tmp_path / "suites" / "leave.json"
    leave.write_text(leave.read_text(encoding="utf-8").replace("It ends after it starts", "It ends"), encoding="utf-8")
    page = catalogue.PAGE.read_text(encoding="utf-8")
    assert catalogue.fill(page, tmp_path / "suites") != page


def test_the_page_explains_every_setting_of_the_checks(settings: Settings) -> None:
    explained = re.findall(r"^\| `(\w+)` \| ", catalogue.PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(settings.section("quality")) <= set(explained)
