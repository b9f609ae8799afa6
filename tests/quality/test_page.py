"""The page of a run: what it tells, that nothing in it can run, and that no cell of any record is on it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from markupsafe import escape
from sqlalchemy import Engine

from fieldwork.errors import ConfigError
from fieldwork.quality import page as room
from fieldwork.quality.page import charts, facts, render
from fieldwork.settings import Settings

ZONE = ZoneInfo("Asia/Shanghai")
HOSTILE = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)", "{{7*7}}",
    "</style><svg onload=x>",
    "'; drop table ops.run; --", "&lt;b&gt;", "=cmd|'/c calc'!A1", "<a href='//evil'>x</a>",
]  # fmt: skip
SECRET = "13800001234 王小明 31.2304"


class Seen(HTMLParser):
    """Every element and attribute of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += f"{data} "


def _run(engine: Engine, run_id: str, words: list[str], state: str = "done", kind: str = "journey") -> None:
    """A run in which every text that comes from outside is one of these words."""
    some = iter(words * 30)
    with engine.begin() as connection:
        do = connection.execute
        do(
            sa.text(
                "insert into ops.run (run_id, since, until, as_of, streams, full_read, dry_run, kind, state,"
                " started_at, finished_at, error) values (:run, '2026-11-02', '2026-11-04', now(), '[]', false, false,"
                " :kind, :state, now() - interval '1 hour', now(), :error)"
            ),
            {"run": run_id, "kind": kind, "state": state, "error": next(some) if state == "failed" else None},
        )
        batch = do(
            sa.text(
                "insert into ops.batch (run_id, system, stream, kind, state, extracted, loaded, unchanged, quarantined,"
                " opened_at) values (:run, :system, 'punches', 'extract', 'closed', 1000, 900, 90, 10, now())"
                " returning batch_id"
            ),
            {"run": run_id, "system": next(some)},
        ).scalar_one()
        for n in range(len(words)):
            do(
                sa.text(
                    "insert into ops.quarantine"
                    " (batch_id, system, stream, key, payload, rule, reason, status, fingerprint, set_aside_at)"
                    " values (:batch, 'x', 'punches', :key, cast(:row as jsonb), :rule, :reason, 'new', :n,"
                    " now() - interval '20 days')"
                ),
                {"batch": batch, "key": next(some), "row": json.dumps({"place": SECRET}), "rule": next(some),
                 "reason": next(some), "n": f"{run_id}{n}"},
            )  # fmt: skip
        do(
            sa.text(
                "insert into ops.check_result"
                " values (:run, 'punches', 1, :rule, 'warning', 'failed', 3, 1000, '', now())"
            ),
            {"run": run_id, "rule": next(some)},
        )
        written = {next(some): {"sent": 5, "accepted": 4, "rejected": 1, "conflicts": 3, "unchanged": 0, "batch": 12}}
        told = {next(some): {"events": 6, "delivered": 5, "dead": 1, "failed": 2, "waiting": 0}}
        results = {
            "publish": {"performance_day": {"inserted": 7, "changed": 1}},
            "write_back": written,
            "webhooks": told,
        }
        for step, result in results.items():
            do(
                sa.text("insert into ops.step values (:run, :step, 'done', now() - interval '9 min', now(), :result)")
                .bindparams(sa.bindparam("result", type_=sa.JSON)),
                {"run": run_id, "step": step, "result": result},
            )  # fmt: skip


def _page(engine: Engine, settings: Settings, run_id: str) -> str:
    return render.page(facts.collect(engine, settings, run_id), ZONE)


def test_hostile_words_change_the_text_of_the_page_and_nothing_else(warehouse: Engine, settings: Settings) -> None:
    for run_id in ("earlier", "plain"):
        _run(warehouse, run_id, ["plain"], "failed")
    plain = Seen(_page(warehouse, settings, "plain"))
    for run_id in ("<script>alert(2)</script>", "../../etc/passwd"):
        _run(warehouse, run_id, HOSTILE, "failed")
        page = _page(warehouse, settings, run_id)
        seen = Seen(page)
        assert set(seen.tags) == set(plain.tags)
        assert seen.attributes == plain.attributes
        assert not {"script", "img", "a", "iframe", "object", "link", "form"} & set(seen.tags)
        assert not [name for name in seen.attributes if name.startswith("on") or name in {"style", "href", "src"}]
        assert [word for word in (run_id, *HOSTILE) if word not in seen.text] == []
        assert "49" not in re.findall(r"\d+", seen.text)  # no template in a value was rendered


def test_no_cell_of_a_record_is_on_the_page(warehouse: Engine, settings: Settings) -> None:
    _run(warehouse, "r", ["w"])
    page = _page(warehouse, settings, "r")
    assert not [part for part in SECRET.split() if part in page]


def test_the_policy_allows_the_pages_own_style_and_nothing_else(warehouse: Engine, settings: Settings) -> None:
    _run(warehouse, "r", ["w"])
    page = _page(warehouse, settings, "r")
    style = page.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert render.policy() == policy
    assert f'http-equiv="Content-Security-Policy" content="{escape(policy)}"' in page
    assert "http" not in re.sub(r'http-equiv="[^"]*"', "", page)  # nothing is fetched


def test_nothing_is_marked_as_safe() -> None:
    """HTML is made in one room, by autoescaping alone."""
    folder = Path(room.__file__).parent
    code = "\n".join(path.read_text() for path in (*folder.glob("*.py"), *folder.glob("*.j2")))
    assert not re.findall(r"\|\s*safe|Markup|autoescape\s*=\s*False|{% autoescape", code)
    package = folder.parents[1]
    makers = [path for path in package.rglob("*.py") if re.search(r"<(html|body|div|script)\b", path.read_text())]
    assert [str(path.relative_to(package)) for path in makers] == ["sandbox/fault_kinds.py"]  # a gateway's error page


def test_it_tells_what_came_and_why_rows_were_set_aside(warehouse: Engine, settings: Settings) -> None:
    for n in range(3):
        _run(warehouse, f"earlier {n}", ["rule"], "failed" if n == 1 else "done")
    _run(warehouse, "this", ["punches.kind_known"])
    seen = " ".join(Seen(_page(warehouse, settings, "this")).text.split())
    for told in (
        "Daily run, 2026-11-02 – 2026-11-03", "1,000 rows came", "10 set aside, 1.0 %",
        "8 person-days published",         "punches.kind_known", "The last 4 runs",
        "4 quarantined rows have waited longer",
        "Told to the CRM", "sent 已发送 accepted 接受 rejected 拒绝 conflicts 冲突 waiting 等待 unchanged 未变",
        "5 4 1 3 0", "fieldwork crm undo takes back batch 12", "Told to middleware", "6 5 1 0", "took 1 h 0 min",
    ):  # fmt: skip
        assert told in seen, told


@pytest.mark.parametrize("kind", ["journey", "replay", "reconcile", "repair"])
def test_a_run_that_did_nothing_yet_has_a_page_too(warehouse: Engine, settings: Settings, kind: str) -> None:
    with warehouse.begin() as connection:
        connection.execute(
            sa.text(
                "insert into ops.run"
                " (run_id, since, until, as_of, streams, full_read, dry_run, kind, state, started_at) values"
                " ('r', '2026-11-02', '2026-11-02', now(), '[]', false, false, :kind, 'running', now())"
            ),
            {"kind": kind},
        )
    assert "No stream was read." in _page(warehouse, settings, "r")


def test_there_is_no_page_of_no_run(warehouse: Engine, settings: Settings) -> None:
    with pytest.raises(ConfigError, match="There is no run nothing"):
        facts.collect(warehouse, settings, "nothing")


def test_a_bar_is_its_parts_end_to_end() -> None:
    parts = charts.bar([("a", "a: 3", 3), ("b", "b: 0", 0), ("c", "c: 1", 1)], 4)
    assert [(s.kind, s.x, s.width) for s in parts] == [("a", 0.0, 750.0), ("c", 750.0, 250.0)]
    assert charts.bar([("a", "", 1)], 0) == []
    assert [(s.x, s.width) for s in charts.span(90, 10, 100, "t", "")] == [(900.0, 100.0)]
    assert [(s.x, s.width) for s in charts.span(100, 0, 100, "t", "")] == [(998.0, 2.0)]
    assert charts.span(0, 0, 0, "t", "") == []


def test_columns_are_as_high_as_their_values() -> None:
    chart = charts.columns([0, 5, 20], ["a", "b", "c"], ["0", "5", "20"], [False, True, False])
    assert [(c.height, c.kind) for c in chart.columns] == [(0.0, ""), (37.5, "failed"), (150.0, "marked")]
    assert [text for _, text in chart.lines] == ["0", "10", "20"]
    assert [c.y + c.height for c in chart.columns] == [158.0] * 3
    many = charts.columns([1.0] * 14, [str(n) for n in range(14)], [""] * 14, [False] * 14)
    assert [text for _, text in many.labels] == ["1", "3", "5", "7", "9", "11", "13"]
    assert [charts.ceiling(v) for v in (0, 0.7, 1, 1.1, 21, 4700, 5000.1)] == [1, 1, 1, 2, 50, 5000, 10000]
